import { setTimeout as sleep } from "node:timers/promises";
import type { CallAnswer, PlannedCall } from "./caller-process.ts";

/** One clock for all processes of the machine. */
const nowMs = (): number => performance.timeOrigin + performance.now();

async function callOnce({ url, key, body, delayMs }: PlannedCall): Promise<CallAnswer> {
  if (delayMs > 0) await sleep(delayMs);
  const answer: CallAnswer = { status: 0, code: "", costUsd: null, sentAtMs: nowMs(), decidedAtMs: 0, endedAtMs: 0 };
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    answer.decidedAtMs = nowMs();
    answer.status = response.status;
    answer.costUsd = response.headers.get("x-tollgate-cost-usd");
    const text = await response.text();
    answer.endedAtMs = nowMs();
    if (response.status !== 200) answer.code = (JSON.parse(text) as { error: { code: string } }).error.code;
  } catch {
    answer.decidedAtMs = answer.endedAtMs = nowMs();
    answer.status = 0;
  }
  return answer;
}

process.on("message", (plan: PlannedCall[]) => {
  void Promise.all(plan.map(callOnce)).then((answers) => process.send?.(answers));
});

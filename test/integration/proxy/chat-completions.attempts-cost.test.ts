import { expect, it } from "vitest";
import { openByteUpstream } from "../../support/byte-upstream.ts";
import { makeModelConfig, openTestGateway } from "../../support/test-gateway.ts";

const answer = (id: string, prompt: number, completion: number) =>
  Buffer.from(
    JSON.stringify({
      id,
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
      usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
    }),
  );
const json = { "content-type": "application/json" };
const body = { model: "gpt-test", messages: [{ role: "user", content: "Say something." }], max_tokens: 20 };

it("charges each attempt that says what it cost, in one event, and holds the money for the next one first", async () => {
  let failures = 1;
  const upstream = await openByteUpstream(() =>
    failures-- > 0
      ? { status: 500, headers: json, pieces: [answer("failed", 10, 5)] }
      : { headers: json, pieces: [answer("whole", 10, 7)] },
  );
  const gateway = await openTestGateway({ config: makeModelConfig(upstream.url, "gpt-test", "retries = 3") });
  try {
    const bound = BigInt(JSON.stringify(body).length) * 1_000n + 20n * 2_000n;
    const rich = await gateway.makeKey({ budgets: [{ limitNanoUsd: 1_000_000_000n, period: "total" }] });
    const response = await gateway.call("/v1/chat/completions", body, rich.text);
    expect(response.status).toBe(200);
    const costs = [10n * 1_000n + 5n * 2_000n, 10n * 1_000n + 7n * 2_000n];
    expect(response.headers.get("x-tollgate-cost-usd")).toBe("0.000044");
    const [event] = await gateway.listEvents(1);
    expect(event).toMatchObject({
      attempts: 2,
      input_tokens: "20",
      output_tokens: "12",
      cost_nano_usd: String((costs[0] as bigint) + (costs[1] as bigint)),
      reserved_nano_usd: String(bound + (costs[0] as bigint)),
    });

    // Enough for one attempt, not for what the first one cost and another.
    failures = 1;
    const poor = await gateway.makeKey({ budgets: [{ limitNanoUsd: bound + 5_000n, period: "total" }] });
    expect((await gateway.call("/v1/chat/completions", body, poor.text)).status).toBe(502);
    const [, second] = await gateway.listEvents(2);
    expect(second).toMatchObject({ attempts: 1, status: 502, cost_nano_usd: String(costs[0]) });
    await gateway.context.proxy.flusher.flush();
    const [window] = await gateway.database.database.sql`
      select settled_nano_usd from budget_window where subject = ${poor.publicId}`;
    expect(window?.settled_nano_usd).toBe(String(costs[0]));
  } finally {
    await gateway.close();
    await upstream.close();
  }
});

import type { Subject } from "../subjects/subject.ts";
import { chatAnswer, chatEvents } from "../upstream/chat.ts";
import type { TrafficKind } from "../upstream/upstream.ts";

/**
 * One request before a subject is measured: the answer must be the upstream's own, or the figures say nothing. JSON is
 * compared in value, a stream by its text of words and its `[DONE]`. Throws with what came instead.
 */
export async function checkTarget(subject: Subject, kind: Exclude<TrafficKind, "slow">): Promise<void> {
  const target = subject.target(kind);
  const response = await fetch(`http://127.0.0.1:${target.port}${target.path}`, {
    method: "POST",
    headers: target.headers,
    body: target.body,
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  const same =
    kind === "json" ? sameAnswer(text) : text.endsWith("data: [DONE]\n\n") && contents(text) === expectedContents;
  if (response.status !== 200 || !same) {
    throw new Error(`${subject.name} answers ${kind} with ${response.status}: ${text.slice(0, 500)}`);
  }
}

const expectedContents = contents(chatEvents(false).join(""));

function sameAnswer(text: string): boolean {
  const expected = JSON.parse(chatAnswer) as { choices: unknown; usage: unknown };
  const { choices, usage } = JSON.parse(text) as { choices: unknown; usage: unknown };
  return JSON.stringify([choices, usage]) === JSON.stringify([expected.choices, expected.usage]);
}

function contents(events: string): string {
  return [...events.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]).join("");
}

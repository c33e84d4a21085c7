import type { UsageEvent } from "../../core/usage-event.ts";
import type { AnswerFacts } from "./surface.ts";

/** What a translated answer says of its call, once its usage is on the event. */
export function makeAnswerFacts(event: UsageEvent): AnswerFacts {
  return { id: event.id, atMs: event.atMs, usage: event, costNanoUsd: event.costNanoUsd };
}

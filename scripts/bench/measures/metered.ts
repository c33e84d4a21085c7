import { setTimeout as delay } from "node:timers/promises";
import type { Subject } from "../subjects/subject.ts";

const waitMs = 15_000;

/**
 * Proves that a subject metered what it served while it was measured: no completed request may lack its event, and
 * beyond those only the requests that a generator cut off at the end of a run may have one.
 *
 * @param completed requests that the generators saw answered.
 * @param cutOffMax requests that may have been under way when runs ended.
 * @returns a line for the report; undefined for a subject that does not meter.
 * @throws when events are missing after 15 s, or when there are more than requests.
 */
export async function checkMetered(
  subject: Subject,
  completed: number,
  cutOffMax: number,
): Promise<string | undefined> {
  if (subject.countMetered === undefined) return undefined;
  const end = Date.now() + waitMs;
  let metered = await subject.countMetered();
  while (metered < completed && Date.now() < end) {
    await delay(250);
    metered = await subject.countMetered();
  }
  if (metered < completed || metered > completed + cutOffMax) {
    throw new Error(`${subject.name} answered ${completed} requests and metered ${metered}`);
  }
  return `${subject.name} answered ${completed} requests and stored ${metered} events (at most ${cutOffMax} were cut off by the ends of the runs)`;
}

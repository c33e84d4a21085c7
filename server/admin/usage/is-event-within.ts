import type { StoredEvent } from "../../../db/queries/usage-event-row.ts";
import type { UsageFilter } from "../../../db/queries/usage-filter.ts";

/** Whether a filter, which is SQL else, lets an event pass. */
export function isEventWithin(event: StoredEvent, filter: UsageFilter): boolean {
  const { status, tags = {} } = filter;
  const texts = ["publicId", "ownerId", "model", "provider", "endpoint", "code", "origin"] as const;
  return (
    texts.every((name) => filter[name] === undefined || filter[name] === event[name]) &&
    (status === undefined || (event.status >= status.min && event.status <= status.max)) &&
    Object.entries(tags).every(([name, value]) => Object.hasOwn(event.keyTags, name) && event.keyTags[name] === value)
  );
}

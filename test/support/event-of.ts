import type { StoredEvent, TestGateway } from "./test-gateway.ts";
import { waitUntil } from "./wait-until.ts";

/** Config of a gateway whose events are looked at one by one. */
export const fastFlush = "[journal]\nflush_interval_ms = 10\n";

/** The event of an answer, once it is in PostgreSQL; fails where there is none or more than one. */
export async function findEventOf(gateway: TestGateway, response: Response): Promise<StoredEvent> {
  const id = response.headers.get("x-request-id");
  let found: StoredEvent[] = [];
  await waitUntil(async () => {
    found = (await gateway.listEvents(0)).filter((event) => event.id === id);
    return found.length > 0;
  }, `the event ${id}`);
  const [event] = found;
  if (event === undefined || found.length !== 1) throw new Error(`${found.length} events`);
  return event;
}

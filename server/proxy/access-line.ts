import type { EventId } from "../core/id.ts";
import { formatMs } from "../core/milliseconds.ts";

/** What the access log says of one request. */
export interface AccessFacts {
  requestId: EventId;
  endpoint: string;
  status: number;
  /** Error code, `""` on success. */
  code: string;
  publicId: string;
  /** As the client wrote it, once it was understood. */
  model: string;
  durationMs: number;
  address: string;
}

let lastMs = 0;
let lastText = "";

/** RFC 3339; many requests share a millisecond. */
function makeInstant(atMs: number): string {
  const ms = Math.floor(atMs);
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = new Date(ms).toISOString();
  }
  return lastText;
}

/** One line of the access log as JSON. Only `model` can hold what a client wrote, so only that is escaped. */
export function makeAccessLine(atMs: number, facts: AccessFacts): string {
  return `{"level":"info","time":"${makeInstant(atMs)}","request_id":"${facts.requestId}","endpoint":"${facts.endpoint}","status":${facts.status},"code":"${facts.code}","public_id":"${facts.publicId}","model":${JSON.stringify(facts.model)},"duration_ms":${formatMs(facts.durationMs)},"ip":"${facts.address}","msg":"request"}`;
}

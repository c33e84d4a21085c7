import type { PublicId } from "./api-key.ts";
import { errorTable } from "./error.ts";
import { type EventId, parseEventTime } from "./id.ts";
import { TextBuffer } from "./text-buffer.ts";
import { noTokens, type UsageSource } from "./usage.ts";
import type { UsageEvent } from "./usage-event.ts";

/** What an event says whose gateway died under it. */
const diedCode = "internal_error";
const openFieldCount = 17;
const closeFieldCount = 20;
/** Without the tokens that are cached for an hour, as a release before them wrote it. */
const oldCloseFieldCount = 19;
const whole = /^\d+$/;

/** What the end of a call adds to what was known at its beginning. */
export type UsageEnd = Pick<
  UsageEvent,
  | "id"
  | "provider"
  | "status"
  | "code"
  | "attempts"
  | "usageSource"
  | "costNanoUsd"
  | "priceId"
  | "latencyMs"
  | "firstTokenMs"
  | "bytesOut"
  | keyof typeof noTokens
>;

const tab = 0x09;
const lineEnd = 0x0a;

/** Tabs and line ends separate fields and records; nothing that we store may hold them. */
function clean(text: string): string {
  return text !== "" && /[\t\n\r]/.test(text) ? text.replace(/[\t\n\r]/g, " ") : text;
}

function writeText(out: TextBuffer, text: string): void {
  out.append(text);
  out.appendCode(tab);
}

function writeNumber(out: TextBuffer, value: number): void {
  out.appendNumber(value);
  out.appendCode(tab);
}

/**
 * Writes the beginning of a call as one line of tab-separated fields: all that is charged by if its end is never seen. JSON
 * would take four times as long. A changed order of fields needs a new journal version.
 */
export function writeOpenLine(out: TextBuffer, e: UsageEvent): void {
  writeText(out, e.id);
  writeText(out, e.publicId);
  writeText(out, clean(e.ownerId));
  writeText(out, e.keyTags);
  writeText(out, e.requestTags);
  writeText(out, clean(e.model));
  writeText(out, clean(e.provider));
  writeText(out, e.endpoint);
  writeNumber(out, e.stream ? 1 : 0);
  out.appendBigInt(e.reservedNanoUsd);
  out.appendCode(tab);
  writeNumber(out, e.costNanoUsd === null ? 0 : 1);
  writeText(out, clean(e.priceId));
  writeNumber(out, e.bytesIn);
  writeText(out, clean(e.clientIp));
  writeText(out, clean(e.origin));
  writeText(out, e.budgetWindows);
  endLine(out);
}

/** Writes the end of a call, for the beginning of the same id. */
export function writeCloseLine(out: TextBuffer, e: UsageEnd): void {
  writeText(out, e.id);
  writeText(out, clean(e.provider));
  writeNumber(out, e.status);
  writeText(out, e.code);
  writeNumber(out, e.attempts);
  writeText(out, e.usageSource);
  if (e.costNanoUsd !== null) out.appendBigInt(e.costNanoUsd);
  out.appendCode(tab);
  writeText(out, clean(e.priceId));
  out.appendMilli(e.latencyMs);
  out.appendCode(tab);
  out.appendMilli(e.firstTokenMs);
  out.appendCode(tab);
  writeNumber(out, e.bytesOut);
  writeNumber(out, e.inputTokens);
  writeNumber(out, e.cachedInputTokens);
  writeNumber(out, e.cacheWriteTokens);
  writeNumber(out, e.outputTokens);
  writeNumber(out, e.reasoningTokens);
  writeNumber(out, e.inputAudioTokens);
  writeNumber(out, e.outputAudioTokens);
  writeNumber(out, e.hourCacheWriteTokens);
  endLine(out);
}

/** Without it a line was cut short. */
function endLine(out: TextBuffer): void {
  out.append(".");
  out.appendCode(lineEnd);
}

/** The line of {@link writeOpenLine} without its end. */
export function makeOpenLine(event: UsageEvent): string {
  return makeLine((out) => writeOpenLine(out, event));
}

/** The line of {@link writeCloseLine} without its end. */
export function makeCloseLine(event: UsageEnd): string {
  return makeLine((out) => writeCloseLine(out, event));
}

function makeLine(write: (out: TextBuffer) => void): string {
  const out = new TextBuffer(1_024);
  write(out);
  return out.take().toString("utf8").slice(0, -1);
}

/**
 * Reads a beginning back, as the event of a call whose end was not seen: charged as reserved.
 *
 * @returns `null` where the line is cut short or not one of ours.
 */
export function parseOpenLine(line: string): UsageEvent | null {
  const f = line.split("\t");
  if (f.length !== openFieldCount || f[openFieldCount - 1] !== ".") return null;
  const text = (index: number): string => f[index] as string;
  const id = text(0) as EventId;
  const atMs = parseEventTime(id);
  if (!Number.isSafeInteger(atMs) || !whole.test(text(9)) || !Number.isSafeInteger(Number(text(12)))) return null;
  const reservedNanoUsd = BigInt(text(9));
  return {
    ...noTokens,
    id,
    atMs,
    publicId: text(1) as PublicId,
    ownerId: text(2),
    keyTags: text(3),
    requestTags: text(4),
    model: text(5),
    provider: text(6),
    endpoint: text(7),
    status: errorTable[diedCode].status,
    code: diedCode,
    stream: text(8) === "1",
    attempts: 0,
    usageSource: "reserved",
    reservedNanoUsd,
    costNanoUsd: text(10) === "1" ? reservedNanoUsd : null,
    priceId: text(11),
    latencyMs: 0,
    firstTokenMs: -1,
    bytesIn: Number(text(12)),
    bytesOut: 0,
    clientIp: text(13),
    origin: text(14),
    budgetWindows: text(15),
  };
}

/** Reads an end back; `null` where the line is cut short or not one of ours. */
export function parseCloseLine(line: string): UsageEnd | null {
  const f = line.split("\t");
  if (f.length === oldCloseFieldCount && f[oldCloseFieldCount - 1] === ".") f.splice(-1, 0, "0");
  if (f.length !== closeFieldCount || f[closeFieldCount - 1] !== ".") return null;
  const text = (index: number): string => f[index] as string;
  const number = (index: number): number => Number(f[index]);
  const counts = [2, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18];
  if (text(6) !== "" && !whole.test(text(6))) return null;
  if (counts.some((index) => !Number.isSafeInteger(number(index)))) return null;
  if (!Number.isFinite(number(8)) || !Number.isFinite(number(9))) return null;
  return {
    id: text(0) as EventId,
    provider: text(1),
    status: number(2),
    code: text(3),
    attempts: number(4),
    usageSource: text(5) as UsageSource,
    costNanoUsd: text(6) === "" ? null : BigInt(text(6)),
    priceId: text(7),
    latencyMs: number(8),
    firstTokenMs: number(9),
    bytesOut: number(10),
    inputTokens: number(11),
    cachedInputTokens: number(12),
    cacheWriteTokens: number(13),
    outputTokens: number(14),
    reasoningTokens: number(15),
    inputAudioTokens: number(16),
    outputAudioTokens: number(17),
    hourCacheWriteTokens: number(18),
  };
}

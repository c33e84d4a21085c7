const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const tab = 0x09;
const quote = 0x22;
const colon = 0x3a;
const letterN = 0x6e;

/*
 * Native searches in the bytes of whole events. They miss nothing that the gateway acts on and may find more: what they
 * find has to be read as an event. Text of the model cannot fake a key, because its quotes are escaped.
 *
 * A needle's first letter decides its price, since the search stops at each (Node 20, 325 byte event): `usage"` 80 ns,
 * `"usage"` 300 ns; `rror` 90 ns, `error` 200 ns; `[DONE]` 63 ns.
 */
const usageNeedle = Buffer.from('usage"');
const errorNeedle = Buffer.from("rror");
const doneNeedle = Buffer.from("[DONE]");

/** Finds the next key that ends in `usage` and whose value is not `null`; -1 where there is none. */
export function findUsage(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(usageNeedle, from);
  while (at >= 0 && !hasValue(bytes, at + usageNeedle.length)) at = bytes.indexOf(usageNeedle, at + 1);
  return at;
}

/** Finds the next key that ends in `error` and whose value is not `null`, or line that ends in it; -1 where there is none. */
export function findError(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(errorNeedle, from);
  while (at >= 0) {
    const behind = at + errorNeedle.length;
    const byte = bytes[behind];
    if (byte === quote ? hasValue(bytes, behind + 1) : byte === lf || byte === cr || byte === undefined) return at;
    at = bytes.indexOf(errorNeedle, at + 1);
  }
  return -1;
}

/** Finds the next `[DONE]`; -1 where there is none. */
export function findDone(bytes: Buffer, from: number): number {
  return bytes.indexOf(doneNeedle, from);
}

/** Whether an event's data is OpenAI's end of the stream. Like OpenAI's clients, looks at its start only. */
export function isDone(data: Buffer): boolean {
  return data.length >= doneNeedle.length && doneNeedle.compare(data, 0, doneNeedle.length) === 0;
}

/** Whether a colon and something else than `null` follow; also where the data's line ends before that can be told. */
function hasValue(bytes: Buffer, from: number): boolean {
  let at = skipBlanks(bytes, from);
  if (bytes[at] !== colon) return bytes[at] === lf || bytes[at] === cr;
  at = skipBlanks(bytes, at + 1);
  return bytes[at] !== letterN;
}

function skipBlanks(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === space || bytes[at] === tab) at++;
  return at;
}

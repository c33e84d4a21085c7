const backslash = 0x5c;

/** Fields of requests to, and answers of, the OpenAI-shaped endpoints. Only speed depends on this list and on the slots. */
const usualKeys =
  "model messages stream stream_options temperature max_tokens max_completion_tokens user tools tool_choice n stop " +
  "top_p seed response_format metadata store input prompt encoding_format dimensions logprobs reasoning_effort " +
  "parallel_tool_calls presence_penalty frequency_penalty service_tier id object created choices usage " +
  "system_fingerprint obfuscation data error";

const usualKeyTable: (string | undefined)[] = new Array<string | undefined>(256).fill(undefined);
for (const key of usualKeys.split(" ")) {
  usualKeyTable[slotOf(key.charCodeAt(0), key.charCodeAt(key.length - 1), key.length)] = key;
}

/**
 * Reads an object's key without its quotes from `[start, end)`, with escapes undone.
 *
 * @returns `null` where the bytes are no valid JSON string.
 */
export function parseJsonKey(bytes: Buffer, start: number, end: number): string | null {
  let plain = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === backslash || byte < 0x20) return parseQuoted(bytes.toString("utf8", start - 1, end + 1));
    if (byte >= 0x80) plain = false;
  }
  if (!plain) return bytes.toString("utf8", start, end);
  return findUsualKey(bytes, start, end) ?? bytes.toString("latin1", start, end);
}

/** The key's text where it is one of the usual ones: 15 ns instead of 65 ns for a new string. */
function findUsualKey(bytes: Buffer, start: number, end: number): string | null {
  const length = end - start;
  if (length === 0) return null;
  const usual = usualKeyTable[slotOf(bytes[start] as number, bytes[end - 1] as number, length)];
  if (usual === undefined || usual.length !== length) return null;
  for (let index = 0; index < length; index++) if (usual.charCodeAt(index) !== bytes[start + index]) return null;
  return usual;
}

function slotOf(first: number, last: number, length: number): number {
  return (first * 3 + last + length * 23) & 255;
}

function parseQuoted(text: string): string | null {
  try {
    return JSON.parse(text) as string;
  } catch {
    return null;
  }
}

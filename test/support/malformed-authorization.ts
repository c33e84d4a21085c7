import { crc32 } from "node:zlib";
import { makeRawRequest, type PipelinedRequest } from "./raw-http.ts";
import type { SeededRandom } from "./seeded-random.ts";

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const payloads: readonly string[] = [
  "' OR '1'='1",
  "'; DROP TABLE api_key; --",
  "') UNION SELECT digest FROM api_key_secret--",
  "1); select pg_sleep(10); --",
  "$1",
  "\\'; copy (select 1) to program 'id'",
  '{"$ne":null}',
  '{"$gt":""}',
  `\${jndi:ldap://127.0.0.1/a}`,
  `\${\${lower:j}ndi:rmi://127.0.0.1/x}`,
  "{{7*7}}",
  "../../../../etc/passwd",
  "%00%0d%0aX-Evil: 1",
  "<script>alert(1)</script>",
  "`id`",
  "__proto__",
  "constructor",
  "undefined",
  "null",
  "true",
  "[object Object]",
  "eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ.",
  "*",
  "%",
];
const schemes = ["Basic", "Digest", "Token", "Key", "AWS4-HMAC-SHA256", "bearer:", "Bearer,", "BearerBearer", "\u00c0"];

export interface MalformedRequest extends PipelinedRequest {
  kind: string;
}

/**
 * Requests whose `Authorization` no gateway could have issued a key for: random bytes 0x21-0xff up to 16 KB, wrong
 * schemes, tabs, repeated headers, texts of injections, keys of the right shape with a wrong checksum.
 */
export function* listMalformedRequests(random: SeededRandom, count: number): Generator<MalformedRequest> {
  for (let index = 0; index < count; index++) {
    const kind = random.pick(kinds);
    const { lines, risky } = makers[kind](random);
    const bytes = makeRawRequest([
      `${random.pick(["GET /v1/models", "POST /v1/chat/completions", "GET /v1/none", "GET /admin/api-keys"])} HTTP/1.1`,
      "Host: gateway",
      "Content-Length: 0",
      ...lines,
    ]);
    // 16 KB is Node's limit for a head; what may pass it, or is not HTTP at all, ends its connection.
    yield { kind, bytes, alone: risky || bytes.length > 15_000 };
  }
}

interface Made {
  lines: string[];
  risky: boolean;
}

function makeBytes(random: SeededRandom, lengthMax: number): string {
  // Short ones mostly: half of all are below the square root of the limit.
  const length = Math.floor(lengthMax ** random.next());
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = 0x21 + random.integer(0xff - 0x21 + 1);
  // DEL is no character of a header: Node's parser refuses it, and most shall get past that.
  if (random.integer(10) > 0)
    for (let at = bytes.indexOf(0x7f); at >= 0; at = bytes.indexOf(0x7f, at)) bytes[at] = 0x7e;
  return bytes.toString("latin1");
}

/** The checksum is computed here on its own, so that a wrong one is sure to be wrong. */
function makeWrongKey(random: SeededRandom): string {
  const draw = (length: number, alphabet: number): string =>
    Array.from({ length }, () => base62[random.integer(alphabet)]).join("");
  const body = `${random.pick(["dev_", "prod_", "client_"])}${draw(12, 10)}_${draw(42, 62)}`;
  let value = crc32(body);
  let right = "";
  for (let digit = 0; digit < 6; digit++) {
    right = base62[value % 62] + right;
    value = Math.floor(value / 62);
  }
  const wrong = draw(6, 62);
  return body + (wrong === right ? "______" : wrong);
}

const makers = {
  bytes: (random) => {
    const value = makeBytes(random, 16_384);
    return { lines: [`Authorization: ${value}`], risky: value.includes("\x7f") };
  },
  bearer_bytes: (random) => {
    const value = makeBytes(random, 16_384);
    return { lines: [`Authorization: Bearer ${value}`], risky: value.includes("\x7f") };
  },
  scheme: (random) => ({
    lines: [`Authorization: ${random.pick(schemes)} ${makeWrongKey(random)}`],
    risky: false,
  }),
  spaces: (random) => ({
    lines: [
      `Authorization:${random.pick(["\t", "  ", ""])}Bearer${random.pick(["\t", "  ", " \t ", ""])}${makeWrongKey(random)}`,
    ],
    risky: false,
  }),
  payload: (random) => ({
    lines: [`Authorization: ${random.pick(["", "Bearer "])}${random.pick(payloads)}${random.integer(1_000)}`],
    risky: false,
  }),
  payload_in_key: (random) => ({
    lines: [`Authorization: Bearer prod_0123456789ab_${random.pick(payloads)}${makeWrongKey(random).slice(-42)}`],
    risky: false,
  }),
  unicode: (random) => ({
    lines: [`Authorization: Bearer ${Buffer.from(`ключ-鍵-🔑-\u202e-${random.integer(1_000)}`).toString("latin1")}`],
    risky: false,
  }),
  wrong_checksum: (random) => ({ lines: [`Authorization: Bearer ${makeWrongKey(random)}`], risky: false }),
  repeated: (random) => ({
    lines: Array.from({ length: 2 + random.integer(20) }, () => `Authorization: Bearer ${makeWrongKey(random)}`),
    risky: false,
  }),
  repeated_same: (random) => {
    const line = `authorization: Bearer ${makeWrongKey(random)}`;
    return { lines: [line, line.replace("authorization", "AUTHORIZATION")], risky: false };
  },
  empty: (random) => ({
    lines: random.pick([["Authorization:"], ["Authorization: Bearer"], ["Authorization: Bearer "], []]),
    risky: false,
  }),
  control: (random) => ({
    lines: [
      `Authorization: Bearer ${random.pick(["\x00", "\x01", "\x0b", "\x1b", "\x7f", "a\rb"])}${makeWrongKey(random)}`,
    ],
    risky: true,
  }),
} satisfies Record<string, (random: SeededRandom) => Made>;

type Kind = keyof typeof makers;
/** Bytes come most often; what ends its connection is dear. */
const kinds = Object.keys(makers).flatMap((kind) => Array<Kind>(kind === "control" ? 1 : 4).fill(kind as Kind));

import type { SeededRandom } from "./seeded-random.ts";

/** A body that a parser may choke on. `mayPass`: a provider's business; it may go on, but only untouched. */
export interface HostileBody {
  name: string;
  body: Buffer;
  mayPass: boolean;
}

const head = '{"model":"gpt-test","messages":[{"role":"user","content":"x"}]';

/** The big ones: each would cost a careless parser its stack, its memory or its time. */
export function listHostileBodies(): HostileBody[] {
  const make = (name: string, body: string | Buffer, mayPass = false): HostileBody => ({
    name,
    body: typeof body === "string" ? Buffer.from(body) : body,
    mayPass,
  });
  const million = Array.from({ length: 1_000_000 }, (_, index) => `"k${index}":1`).join(",");
  return [
    make("arrays 10^5 deep", `${head},"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
    make("objects 10^5 deep", `${head},"x":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`),
    make("10^5 deep and never closed", `${head},"x":${"[{".repeat(100_000)}`),
    make("10^5 deep from the start", "[".repeat(100_000)),
    make("10^6 fields", `{${million}}`),
    make("10^6 fields one level down", `${head},"x":{${million}}}`),
    make("10^6 values", `${head},"x":[${"0,".repeat(1_000_000)}0]}`),
    make("10^6 equal fields", `{${'"a":1,'.repeat(1_000_000)}"a":1}`),
    make("a number of 10 MB as cap", `${head},"max_tokens":1${"0".repeat(10_000_000)}}`),
    make("a number of 10 MB as n", `${head},"n":${"9".repeat(10_000_000)}}`),
    make("a fraction of 10 MB as cap", `${head},"max_tokens":1.${"1".repeat(10_000_000)}}`),
    make("a number of 10 MB that is not ours", `${head},"seed":${"7".repeat(10_000_000)}}`, true),
    make("a name of 10 MB", `${head},"${"n".repeat(10_000_000)}":1}`, true),
    make("10 MB of escapes", `${head},"user":"${"\\u0041".repeat(1_600_000)}"}`, true),
    make("10 MB of escaped quotes as model", `{"model":"${'\\"'.repeat(5_000_000)}"}`),
    make("10 MB of spaces", `{${" ".repeat(10_000_000)}`),
    make("10 MB of minus signs", "-".repeat(10_000_000)),
  ];
}

const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "__defineGetter__"];

/** The small ones: what is wrong with them is one word. All but `mayPass` are refused. */
export function listOddBodies(): HostileBody[] {
  const bodies: [name: string, body: string | Buffer, mayPass?: boolean][] = [
    ["__proto__ as field", `${head},"__proto__":{"polluted":1}}`],
    ["an escaped __proto__", `${head},"\\u005f_proto__":{"polluted":1}}`],
    ["constructor as field", `${head},"constructor":{"prototype":{"polluted":1}}}`],
    ["prototype as field", `${head},"prototype":{"polluted":1}}`],
    [
      "__proto__ in stream_options",
      `${head},"stream":true,"stream_options":{"__proto__":{"include_usage":true,"polluted":1}}}`,
      true,
    ],
    [
      "__proto__ in a message",
      '{"model":"gpt-test","messages":[{"role":"user","content":"x","__proto__":{"polluted":1}}]}',
      true,
    ],
    ["__proto__ in tags", `${head},"tags":{"__proto__":{"polluted":1}}}`],
    ["a text as __proto__ in tags", `${head},"tags":{"__proto__":"polluted"}}`, true],
    ["__proto__ as model", '{"model":"__proto__","messages":[]}'],
    ["constructor as model", '{"model":"constructor","messages":[]}'],
    ["model twice", '{"model":"gpt-test","model":"other","messages":[]}'],
    ["model twice, once in escapes", '{"model":"gpt-test","\\u006dodel":"other","messages":[]}'],
    ["stream twice", `${head},"stream":false,"stream":true}`],
    ["max_tokens twice", `${head},"max_tokens":1,"max_tokens":100000}`],
    ["a lone surrogate as model", '{"model":"\\ud800","messages":[]}'],
    ["a lone surrogate as tag", `${head},"tags":{"a":"\\ud800"}}`],
    ["a lone surrogate as a name of a tag", `${head},"tags":{"\\udfff":"a"}}`],
    ["a lone surrogate in a message", '{"model":"gpt-test","messages":[{"role":"user","content":"\\ud800"}]}', true],
    [
      "a surrogate in raw bytes",
      Buffer.concat([Buffer.from(`${head},"user":"`), Buffer.of(0xed, 0xa0, 0x80), Buffer.from('"}')]),
    ],
    ["an overlong slash", Buffer.concat([Buffer.from(`${head},"user":"`), Buffer.of(0xc0, 0xaf), Buffer.from('"}')])],
    ["Latin-1 instead of UTF-8", Buffer.from(`${head},"user":"\u00e9"}`, "latin1")],
    ["UTF-16", Buffer.from(`${head}}`, "utf16le")],
    ["a byte order mark", `\ufeff${head}}`],
    ["NUL in a text", `${head},"user":"\u0000"}`],
    ["NUL between fields", `${head},\u0000"user":"x"}`],
    ["NUL behind all", `${head}}\u0000`],
    ["an escaped NUL as model", '{"model":"gpt-test\\u0000","messages":[]}'],
    ["an escaped NUL as tag", `${head},"tags":{"a":"\\u0000"}}`],
    ["an escaped NUL in a message", '{"model":"gpt-test","messages":[{"role":"user","content":"\\u0000"}]}', true],
    ["two objects", `${head}}{"model":"other"}`],
    ["an array", `[${head}}]`],
    ["null", "null"],
    ["a text", '"gpt-test"'],
    ["nothing", ""],
    ["a comma too many", `${head},}`],
    ["a comment", `${head}/* x */}`],
    ["single quotes", "{'model':'gpt-test'}"],
    ["NaN", `${head},"temperature":NaN}`],
    ["Infinity as cap", `${head},"max_tokens":Infinity}`],
    ["1e999 as cap", `${head},"max_tokens":1e999}`],
    ["-0 as n", `${head},"n":-0}`],
    ["a huge n", `${head},"n":9007199254740993}`],
    ["a fraction as n", `${head},"n":1.5}`],
    ["a text as cap", `${head},"max_tokens":"5"}`],
    ["an object as model", '{"model":{"toString":"x"},"messages":[]}'],
    ["an array as stream_options", `${head},"stream_options":[]}`],
    ["a text as stream", `${head},"stream":"true"}`],
    ["form data", "model=gpt-test&messages[0][role]=user"],
  ];
  return bodies.map(([name, body, mayPass = false]) => ({ name, body: Buffer.from(body as string), mayPass }));
}

/** Any small JSON-like text: valid, nearly valid, or with names and values that are known to break things. */
export function makeFuzzBody(random: SeededRandom): Buffer {
  const value = (depth: number): string => {
    switch (random.integer(depth > 4 ? 7 : 10)) {
      case 0:
        return "null";
      case 1:
        return random.pick(["true", "false", "1", "-0", "1e999", "9007199254740993", "0.1"]);
      case 2:
        return `"${random.pick(names)}"`;
      case 3:
        return random.pick(['"\\ud800"', '"\\u0000"', '"\u2028"', '"%00"', '"a\\/b"', '"\\"']);
      case 4:
        return '"gpt-test"';
      case 5:
        return random.pick(["", "undefined", "NaN", "'x'", "{", "]", '"open']);
      case 6:
        return `"${"x".repeat(random.integer(40))}"`;
      case 7:
        return `[${Array.from({ length: random.integer(4) }, () => value(depth + 1)).join(",")}]`;
      default:
        return object(depth + 1);
    }
  };
  const fields = ["model", "messages", "stream", "stream_options", "tags", "n", "max_tokens", "user", ...names];
  const object = (depth: number): string =>
    `{${Array.from({ length: random.integer(5) }, () => `"${random.pick(fields)}":${value(depth)}`).join(",")}}`;
  let text = random.integer(4) === 0 ? object(0) : `${head},${object(0).slice(1)}`;
  if (random.integer(5) === 0) {
    const at = random.integer(text.length);
    text = text.slice(0, at) + random.pick(["", "\u0000", "{", '"', "\\", ",", "\ud83d"]) + text.slice(at + 1);
  }
  return Buffer.from(text);
}

import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

const bodyBytesMax = 16_384;
const messages = [{ role: "user", content: "Say something." }];
const chat = { model: "gpt-test", messages };
let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: `[gateway]\nbody_bytes_max = ${bodyBytesMax}\n${makeModelConfig(upstream.url)}`,
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

interface Refused {
  status: number;
  error: { message: string; type: string; param: string | null; code: string };
}

/** Sends a body that must be refused before the provider or the ledger hears of it. */
async function refuse(body: unknown, init: RequestInit = {}, path = "/v1/chat/completions"): Promise<Refused> {
  const calls = upstream.log.length;
  const response = await gateway.call(path, body, key, init);
  const { error } = (await response.json()) as Pick<Refused, "error">;
  expect(upstream.log.length).toBe(calls);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  return { status: response.status, error };
}

describe("a body that cannot be understood", () => {
  for (const [what, body] of [
    ["nothing", ""],
    ["no JSON", "hello"],
    ["cut JSON", '{"model":"gpt-test","messages":['],
    ["bytes behind the object", '{"model":"gpt-test"} x'],
    ["a list", "[]"],
    ["a text", '"gpt-test"'],
    ["null", "null"],
    ["a trailing comma", '{"model":"gpt-test",}'],
    ["a number that is none", '{"model":"gpt-test","n":01}'],
    ["too deep", `{"model":"gpt-test","messages":${"[".repeat(200)}${"]".repeat(200)}}`],
  ] as const) {
    it(`is refused with 400: ${what}`, async () => {
      const { status, error } = await refuse(body);
      expect([status, error.code, error.type]).toEqual([400, "invalid_request", "invalid_request_error"]);
    });
  }

  for (const [param, body] of [
    ["model", { messages }],
    ["model", { model: null, messages }],
    ["model", { model: 7, messages }],
    ["model", { model: ["gpt-test"], messages }],
    ["model", { model: "", messages }],
    ["model", { model: "gpt test\n", messages }],
    ["model", { model: "g".repeat(257), messages }],
    ["stream", { ...chat, stream: "yes" }],
    ["stream", { ...chat, stream: 1 }],
    ["stream_options", { ...chat, stream: true, stream_options: [] }],
    ["stream_options", { ...chat, stream: true, stream_options: "include_usage" }],
    ["max_tokens", { ...chat, max_tokens: -1 }],
    ["max_tokens", { ...chat, max_tokens: 1.5 }],
    ["max_tokens", { ...chat, max_tokens: "10" }],
    ["max_tokens", { ...chat, max_tokens: 0 }],
    ["max_completion_tokens", { ...chat, max_completion_tokens: 2 ** 60 }],
    ["n", { ...chat, n: 0 }],
    ["n", { ...chat, n: 129 }],
    ["n", { ...chat, n: "2" }],
    ["n", { ...chat, n: 1.5 }],
    ["model", '{"model":"gpt-test","messages":[],"model":"other"}'],
    ["stream", '{"model":"gpt-test","messages":[],"stream":false,"str\\u0065am":true}'],
    ["tensorzero::episode_id", { ...chat, "tensorzero::episode_id": "0" }],
    ["tensorzero::credentials", { ...chat, "tensorzero::credentials": { a: 1 } }],
    ["tags", { ...chat, tags: [] }],
    ["tags", { ...chat, tags: "a=b" }],
    ["tags", { ...chat, tags: { a: 1 } }],
    ["tags", { ...chat, tags: { "A b": "1" } }],
    ["tags", { ...chat, tags: { a: "x".repeat(257) } }],
    ["tags", { ...chat, tags: { a: "line\nbreak" } }],
    ["tags", { ...chat, tags: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`t${i}`, "v"])) }],
    ["tensorzero::tags", { ...chat, "tensorzero::tags": { a: null } }],
  ] as const) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    it(`is refused with 400 that names ${param}: ${text.slice(0, 80)}`, async () => {
      const { status, error } = await refuse(text);
      expect([status, error.code, error.param]).toEqual([400, "invalid_request", param]);
    });
  }

  it("is refused with 400 that names the field on the other endpoints", async () => {
    for (const [path, body, param] of [
      ["/v1/embeddings", { model: "gpt-test", input: "a", stream: true }, "stream"],
      ["/v1/completions", { model: "gpt-test", prompt: "a", max_tokens: -5 }, "max_tokens"],
      ["/v1/completions", { model: "gpt-test", prompt: "a", best_of: 0 }, "best_of"],
      ["/v1/completions", { model: "gpt-test", prompt: "a", best_of: "9" }, "best_of"],
    ] as const) {
      const { status, error } = await refuse(body, {}, path);
      expect([path, status, error.param]).toEqual([path, 400, param]);
    }
  });

  for (const name of ["tensorzero::a", "tollgate::a", "key::a", "key::"]) {
    it(`is refused with 400 reserved_tag for ${name}, wherever it stands`, async () => {
      for (const [body, header, param] of [
        [{ ...chat, tags: { [name]: "1" } }, "", "tags"],
        [{ ...chat, "tensorzero::tags": { [name]: "1" } }, "", "tensorzero::tags"],
        [chat, `${name}=1`, "x-tollgate-tags"],
        [chat, `a=b, ${name} = 1`, "x-tollgate-tags"],
      ] as const) {
        const { status, error } = await refuse(body, { headers: header === "" ? {} : { "x-tollgate-tags": header } });
        expect([status, error.code, error.param]).toEqual([400, "reserved_tag", param]);
      }
    });
  }

  it("is refused with 415 for another type, an encoding, or a form", async () => {
    for (const headers of [
      { "content-type": "text/plain" },
      { "content-type": "application/x-www-form-urlencoded" },
      { "content-type": "multipart/form-data; boundary=x" },
      { "content-type": "application/jsonp" },
      { "content-encoding": "gzip" },
      { "content-encoding": "br, gzip" },
    ]) {
      const { status, error } = await refuse(chat, { headers });
      expect([JSON.stringify(headers), status, error.code]).toEqual([
        JSON.stringify(headers),
        415,
        "unsupported_media_type",
      ]);
    }
    for (const type of ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"]) {
      expect(
        (await gateway.call("/v1/chat/completions", chat, key, { headers: { "content-type": type } })).status,
      ).toBe(200);
    }
  });

  it("is refused with 413 above the limit, and read at the limit", async () => {
    const pad = (length: number): string => {
      const bare = JSON.stringify({ ...chat, user: "" });
      return JSON.stringify({ ...chat, user: "u".repeat(length - bare.length) });
    };
    expect((await gateway.call("/v1/chat/completions", pad(bodyBytesMax), key)).status).toBe(200);
    const { status, error } = await refuse(pad(bodyBytesMax + 1));
    expect([status, error.code]).toEqual([413, "body_too_large"]);
  });

  it("is refused with 413 without being read: not when it is announced, not when it has no end", async () => {
    for (const framing of ["content-length: 10000000000", "transfer-encoding: chunked"]) {
      const calls = upstream.log.length;
      const { answer, written } = await sendEndless(framing);
      expect(answer.split("\r\n", 1)[0]).toBe("HTTP/1.1 413 Payload Too Large");
      expect(answer.toLowerCase()).toContain("connection: close");
      expect(answer).toContain('"code":"body_too_large"');
      // The answer must arrive, so 32 MiB are read away; the rest is what the system's buffers take of 10 GB.
      expect(written).toBeLessThan(100_000_000);
      expect(upstream.log.length).toBe(calls);
    }
  });
});

/** Writes a body without end until the other side answers and closes. */
async function sendEndless(framing: string): Promise<{ answer: string; written: number }> {
  const socket = connect({ port: Number(new URL(gateway.url).port), host: "127.0.0.1" });
  const piece = Buffer.alloc(65_536, 0x20);
  let answer = "";
  let written = 0;
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\nauthorization: Bearer ${key}\r\n${framing}\r\n\r\n`,
  );
  const chunk = framing.startsWith("content")
    ? piece
    : Buffer.concat([Buffer.from("10000\r\n"), piece, Buffer.from("\r\n")]);
  // One piece a turn, as long as the system takes it.
  const push = (): void => {
    if (socket.destroyed || written >= 400_000_000) return;
    written += chunk.length;
    if (socket.write(chunk)) setImmediate(push);
    else socket.once("drain", () => setImmediate(push));
  };
  socket.on("data", (bytes) => {
    answer += bytes.toString();
  });
  socket.on("error", () => undefined);
  push();
  await new Promise<void>((resolve) => {
    socket.on("close", () => resolve());
    socket.on("end", () => socket.destroy());
  });
  return { answer, written };
}

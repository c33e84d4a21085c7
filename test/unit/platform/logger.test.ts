import { describe, expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { openLogger } from "../../../server/platform/logger.ts";

const key = "prod_4f9k2m7q1xvc_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV";
const secret = key.slice(-48);

function openRecorder(more: { pretty?: boolean; level?: "info" | "debug" | "silent" } = {}) {
  const lines: string[] = [];
  const settings = { level: more.level ?? "debug", pretty: more.pretty ?? false, access: true };
  return { lines, logger: openLogger(settings, { write: (line) => void lines.push(line) }) };
}

describe("lines", () => {
  test("are JSON with level, time, text and fields, those of the child too", () => {
    const { lines, logger } = openRecorder();
    logger.child({ room: "ledger" }).warn({ events: 3 }, "Late");
    const line: unknown = JSON.parse(lines[0] ?? "");
    expect(line).toEqual({ level: "warn", time: expect.any(String), room: "ledger", events: 3, msg: "Late" });
  });

  test("below the level are left out", () => {
    const { lines, logger } = openRecorder({ level: "info" });
    logger.debug("unseen");
    logger.info("seen");
    expect(lines).toHaveLength(1);
    expect(openRecorder({ level: "silent" }).lines).toEqual([]);
  });

  test("are readable with pretty", () => {
    const { lines, logger } = openRecorder({ pretty: true });
    logger.info({ port: 3000 }, "Listening");
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}Listening port=3000\n$/);
  });
});

describe("no secret is written", () => {
  const cases: [string, object][] = [
    ["a header", { headers: { authorization: `Bearer ${key}` } }],
    ["a header in any case", { headers: { "X-Api-Key": "short" } }],
    ["a list of headers", { requests: [{ headers: { cookie: "short" } }] }],
    ["a password field", { user: { profile: { password: "short" } } }],
    ["an api_key field", { body: { api_key: "short" } }],
    ["a Secret", { value: new Secret("short") }],
    ["a key in a path", { path: `/v1/models?key=${key}&some=thing` }],
    ["a key in a child's text", { note: { deep: { text: `the caller sent ${key} by mistake` } } }],
  ];
  test.each(cases)("%s, at any level", (_name, fields) => {
    const { lines, logger } = openRecorder();
    logger.info(fields, "info");
    logger.warn(fields, "warn");
    logger.error(fields, "error");
    logger.child({ ...fields }).warn("child");
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      expect(line).not.toContain("short");
      expect(line).not.toContain(secret);
      expect(line).toContain("[secret]");
    }
  });

  test.each([
    `connect failed: postgres://tollgate:hunter22@db:5432/tollgate`,
    `upstream said: Incorrect key Bearer hunter22abc`,
    `bad key ${key}`,
    `bad key sk-t0-4f9k2m7q1xvc-${secret}`,
  ])("in an error's text: %s", (message) => {
    const { lines, logger } = openRecorder();
    logger.error({ err: new Error(message) }, "Failed");
    logger.info({ err: new Error(message) }, "Failed");
    for (const line of lines) {
      expect(line).not.toMatch(/hunter22/);
      expect(line).not.toContain(secret);
    }
  });

  test("and what is no secret stays", () => {
    const { lines, logger } = openRecorder();
    const fields = { publicId: "4f9k2m7q1xvc", requestId: "0190a5c4-7b6e-7c3a-9c1d-2f4e6a8b0c1d", input_tokens: 12 };
    logger.info(fields, "Request");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject(fields);
  });
});

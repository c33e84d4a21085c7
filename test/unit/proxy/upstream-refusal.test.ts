import { describe, expect, it } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import {
  findRetryAfter,
  isPassedOn,
  makePassedErrorBody,
  makeStatusRefusal,
} from "../../../server/proxy/upstream-refusal.ts";

const body = (value: unknown) => Buffer.from(JSON.stringify(value));
const credential = new Secret("0f9a8b7c6d5e4f3a2b1c-AIzaTheRestOfIt");

describe("isPassedOn", () => {
  it.each([200, 201, 400, 404, 409, 413, 415, 422, 429])("%i reaches the client", (status) =>
    expect(isPassedOn(status)).toBe(true),
  );
  it.each([301, 302, 401, 402, 403, 407, 500, 502, 503])("%i does not", (status) =>
    expect(isPassedOn(status)).toBe(false),
  );
});

describe("what a provider says", () => {
  it.each([
    "key 0f9a8b7c6d5e4f3a2b1c-AIzaTheRestOfIt is bad",
    "key 0f9a8b7c is bad",
    "it ends in AIzaTheRestOfIt",
    "Incorrect API key provided: sk-abc123def456. See Bearer abcdefgh",
    "Rate limit reached in organization org-AbCdEf123456 for project proj_abcdef123",
  ])("loses credentials and account ids: %s", (message) => {
    const passed = makePassedErrorBody(429, body({ error: { message } }), credential).toString();
    const refused = makeStatusRefusal(401, body({ error: { message } }), credential).message;
    for (const text of [passed, refused]) {
      expect(text).toContain("[removed]");
      expect(text).not.toMatch(/0f9a8b7c|AIzaTheRest|sk-abc|abcdefgh|org-AbC|proj_abc/);
    }
  });

  it("keeps its words otherwise, in OpenAI's shape, whatever shape it had", () => {
    const shapes = [
      { error: { message: "Too long", type: "t", param: "messages", code: "c" } },
      { error: "Too long" },
      { message: "Too long" },
    ];
    for (const shape of shapes) {
      const { error } = JSON.parse(makePassedErrorBody(400, body(shape), null).toString()) as {
        error: { message: string };
      };
      expect(error.message).toBe("Too long");
    }
    expect(JSON.parse(makePassedErrorBody(429, Buffer.from("<html>"), null).toString())).toEqual({
      error: {
        message: "The provider answered 429.",
        type: "rate_limit_error",
        param: null,
        code: "rate_limit_exceeded",
      },
    });
  });
});

describe("findRetryAfter", () => {
  it("passes seconds and dates of an answer that says to come back, and nothing else", () => {
    expect(findRetryAfter(429, { "retry-after": "7" })).toBe("7");
    expect(findRetryAfter(503, { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" })).toBe(
      "Wed, 21 Oct 2026 07:28:00 GMT",
    );
    expect(findRetryAfter(200, { "retry-after": "7" })).toBeNull();
    expect(findRetryAfter(429, { "retry-after": "<script>" })).toBeNull();
  });
});

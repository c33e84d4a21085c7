import { describe, expect, it } from "vitest";
import { parseRequestTags } from "../../../server/proxy/request-tags.ts";

const body = (value: unknown) => ({ tags: value });

describe("parseRequestTags", () => {
  it("joins header and body; the body wins", () => {
    expect(parseRequestTags(body({ team: "b" }), "team=a,env=prod", {})).toBe('{"team":"b","env":"prod"}');
  });

  it("leaves out a name that the key binds, wherever it is sent", () => {
    const sent = { team: "stolen", env: "prod" };
    expect(parseRequestTags(body(sent), "team=stolen,a=b", { team: "core" })).toBe('{"a":"b","env":"prod"}');
  });

  it.each(["tensorzero::x", "tollgate::x", "key::x"])("refuses the reserved name %s", (name) => {
    expect(parseRequestTags(body({ [name]: "1" }), undefined, {})).toMatchObject({
      code: "reserved_tag",
      param: "tags",
    });
    expect(parseRequestTags({}, `${name}=1`, {})).toMatchObject({ code: "reserved_tag", param: "x-tollgate-tags" });
  });

  it.each([
    [[]],
    ["text"],
    [{ UPPER: "x" }],
    [{ a: 1 }],
    [{ a: "\u0000" }],
    [{ a: "\ud800" }],
    [{ a: "x".repeat(257) }],
    [{ "": "x" }],
  ])("refuses %j", (value) => {
    expect(parseRequestTags(body(value), undefined, {})).toMatchObject({ code: "invalid_request", param: "tags" });
  });

  it("does not let __proto__ become anything but a refusal", () => {
    expect(parseRequestTags(body(JSON.parse('{"__proto__":{"polluted":"1"}}')), undefined, {})).toMatchObject({
      code: "invalid_request",
    });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("refuses more than 32", () => {
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`t${index}`, "x"]));
    expect(parseRequestTags(body(many), undefined, {})).toMatchObject({ code: "invalid_request" });
  });
});

import { describe, expect, test } from "vitest";
import {
  isModelName,
  isReservedModelName,
  modelNameLengthMax,
  parseShorthand,
} from "../../../server/core/model-name.ts";
import { isProviderType, providerTypes } from "../../../server/core/provider-type.ts";

describe("isModelName", () => {
  test.each([
    "a",
    "gpt-4.1",
    "meta-llama/Llama-3.3-70B",
    "openai::gpt",
    "mein Modell",
    "模型",
    "x".repeat(modelNameLengthMax),
  ])("%j", (name) => {
    expect(isModelName(name)).toBe(true);
  });

  test.each([
    "",
    " ",
    " a",
    "a ",
    "a\n",
    "a\tb",
    "a\u0000",
    "a\u0085",
    "a\u200b",
    "a\u202e",
    "a\u2028b",
    "\ud800",
    "a\ue000",
    "x".repeat(modelNameLengthMax + 1),
  ])("not %j", (name) => {
    expect(isModelName(name)).toBe(false);
  });
});

describe("isReservedModelName", () => {
  test.each([...Object.keys(providerTypes), "anthropic", "xai", "tensorzero", "tollgate", "key"])("%s::", (prefix) => {
    expect(isReservedModelName(`${prefix}::x`)).toBe(true);
    expect(isReservedModelName(prefix)).toBe(false);
    expect(isReservedModelName(`my-${prefix}::x`)).toBe(false);
  });
});

describe("parseShorthand", () => {
  test("cuts at the first ::", () => {
    expect(parseShorthand("openai::gpt-5-mini")).toEqual({ type: "openai", model: "gpt-5-mini" });
    expect(parseShorthand("echo::a::b")).toEqual({ type: "echo", model: "a::b" });
    expect(parseShorthand("echo:::")).toEqual({ type: "echo", model: ":" });
  });

  test.each([
    "openai",
    "openai:x",
    "openai::",
    "openai:: x",
    "antropic::x",
    "constructor::x",
    "__proto__::x",
    "OpenAI::x",
    "::x",
  ])("not %j", (name) => {
    expect(parseShorthand(name)).toBeNull();
  });
});

test("a type's name is not a property of objects", () => {
  expect(isProviderType("toString")).toBe(false);
  expect(isProviderType("openai")).toBe(true);
});

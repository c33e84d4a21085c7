import { format, inspect } from "node:util";
import { expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";

const secret = new Secret("hunter2");

test("no way of printing shows the value", () => {
  const shown = [
    `${secret}`,
    secret.toString(),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    format("%s %o %O %j", secret, secret, secret, secret),
    Object.keys(secret).join(),
    JSON.stringify(Object.entries(secret)),
    JSON.stringify(structuredClone(secret)),
  ];
  for (const text of shown) expect(text).not.toContain("hunter2");
  expect(shown[0]).toBe("[secret]");
});

test("reveal is the one way to it", () => {
  expect(secret.reveal()).toBe("hunter2");
  expect(secret).toHaveLength(7);
});

test.each([
  ["hunter2", true],
  ["hunter3", false],
  ["hunter22", false],
  ["", false],
])("equals %j: %s", (other, expected) => {
  expect(secret.equals(new Secret(other))).toBe(expected);
});

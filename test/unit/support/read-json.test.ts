import { expect, test } from "vitest";
import { readJson } from "../../support/read-json.ts";

test.each([
  '{"a":"","\\"":false}',
  '{"a":[1,-2.5e3,{"\\n":null}],"\\u0041":{},"b":[],"c":"[{\\"x\\":1,\\\\"}',
  ' "\\ud800" ',
  "[ true , [ ] , { } ]",
  '{"__proto__":{"a":1},"":"é"}',
])("%s comes back as it was written, whatever was read before", (text) => {
  for (const before of ['{"a":1,"\\\\":2}', '{"a":1,"\\\\u004":2}']) readJson(before);
  const compact = text.replace(/"(?:[^"\\]|\\.)*"|\s/g, (token) => (/\s/.test(token[0] ?? "") ? "" : token));
  expect(JSON.stringify(readJson(text))).toBe(compact.replace("-2.5e3", "-2500").replace("\\u0041", "A"));
});

test("what is no JSON is refused", () => {
  expect(() => readJson('{"a":1,}')).toThrow(SyntaxError);
});

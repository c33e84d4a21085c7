JSON.parse('{"probe of V8":1,"\\\\":2}');
/** V8 from 12.8 on (Node 24 and 26) may read an escaped key as another one that it saw there (nodejs/node#63785). */
const misreadsKeys = !Object.hasOwn(JSON.parse('{"probe of V8":1,"\\"":2}') as object, '"');

/** `JSON.parse` for tests that compare keys: right in every Node. */
export function readJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return misreadsKeys ? readValue(text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g) ?? []) : value;
}

/** Takes one value from the front of the tokens of a valid text. */
function readValue(tokens: string[], at = { index: 0 }): unknown {
  const token = tokens[at.index++] ?? "";
  if (token === "[") {
    const list: unknown[] = [];
    while (tokens[at.index] !== "]") {
      list.push(readValue(tokens, at));
      if (tokens[at.index] === ",") at.index++;
    }
    at.index++;
    return list;
  }
  if (token !== "{") return JSON.parse(token);
  const object = {};
  while (tokens[at.index] !== "}") {
    const key = JSON.parse(tokens[at.index] ?? "") as string;
    at.index += 2;
    const value = readValue(tokens, at);
    // As JSON.parse does it: `__proto__` is a name like any other.
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
    if (tokens[at.index] === ",") at.index++;
  }
  at.index++;
  return object;
}

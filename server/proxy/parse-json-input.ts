import { isUtf8 } from "node:buffer";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { parseInput } from "../core/input-issues.ts";
import { findTopLevelFields } from "../core/json-spans.ts";

const limits = { depthMax: 32, valuesMax: 10_000 };
const noObject = makeRefusal("invalid_request", "The body must be a JSON object in which no field stands twice.");

/** Reads a small body by its schema: 400 where it is no JSON object, 422 with every field at fault. */
export function parseJsonInput<T>(
  schema: Parameters<typeof parseInput<T>>[0],
  body: Buffer,
): { ok: true; input: T } | { ok: false; refusal: Refusal } {
  const object = parseObject(body);
  return object === null ? { ok: false, refusal: noObject } : parseInput(schema, object);
}

function parseObject(body: Buffer): Record<string, unknown> | null {
  if (!isUtf8(body)) return null;
  const scan = findTopLevelFields(body, limits);
  if (!scan.ok) return null;
  try {
    JSON.parse(body.toString("utf8"));
    const object: Record<string, unknown> = Object.create(null);
    // By the spans: V8 from 12.8 on may misread an escaped name (nodejs/node#63785).
    for (const { key, valueStart, valueEnd } of scan.fields) {
      object[key] = JSON.parse(body.toString("utf8", valueStart, valueEnd));
    }
    return object;
  } catch {
    return null;
  }
}

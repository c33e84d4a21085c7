import { isUtf8 } from "node:buffer";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { findTopLevelFields, type JsonField } from "../core/json-spans.ts";

/** Structure that no honest call has, refused before it costs anything to parse. */
const limits = { depthMax: 128, valuesMax: 200_000 };
/** Names that change an object's nature for a careless reader behind us; no endpoint has such a field. */
const unsafeNames: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const scanMessages = {
  not_object: "The body must be a JSON object.",
  syntax: "The body is not valid JSON.",
  too_deep: `The body nests deeper than ${limits.depthMax} levels.`,
  too_many_values: `The body holds more than ${limits.valuesMax} values.`,
  duplicate_key: "A field stands twice in the body.",
} as const;

/** A JSON body with the places of its top-level fields. */
export interface JsonBody {
  fields: readonly JsonField[];
  json: Readonly<Record<string, unknown>>;
}

/**
 * Takes a body apart. Fields that stand twice are refused: provider and gateway could read different ones.
 *
 * @returns its fields, or a refusal (400) that names the field.
 */
export function parseJsonBody(body: Buffer): JsonBody | Refusal {
  // Bytes that are no text would be read in different ways here and at the provider.
  if (!isUtf8(body)) return makeInvalid("The body is not UTF-8.");
  const scan = findTopLevelFields(body, limits);
  if (!scan.ok) return makeInvalid(scanMessages[scan.reason], scan.key);
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  } catch {
    return makeInvalid(scanMessages.syntax);
  }
  for (const field of scan.fields) {
    if (unsafeNames.has(field.key)) return makeInvalid(`\`${field.key}\` cannot be the name of a field.`, field.key);
    // V8 from 12.8 on may misread an escaped name (nodejs/node#63785); a provider would obey a field not seen here.
    if (!Object.hasOwn(json, field.key)) {
      json[field.key] = JSON.parse(body.toString("utf8", field.valueStart, field.valueEnd));
    }
  }
  return { fields: scan.fields, json };
}

/** The refusal of a field. */
export function makeInvalid(message: string, param?: string): Refusal {
  return makeRefusal("invalid_request", message, { param: param ?? null });
}

/** A field that is not the same before and after, as text. */
export interface FieldChange {
  field: string;
  before: string;
  after: string;
}

/** The fields in which two views of an object differ, in their order. */
export function listChanges(before: unknown, after: unknown): FieldChange[] {
  const left = toFields(before);
  const right = toFields(after);
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((field) => ({ field, before: left.get(field) ?? "–", after: right.get(field) ?? "–" }))
    .filter((change) => change.before !== change.after);
}

function toFields(value: unknown): Map<string, string> {
  if (value === null || value === undefined) return new Map();
  if (typeof value !== "object" || Array.isArray(value)) return new Map([["value", JSON.stringify(value)]]);
  return new Map(
    Object.entries(value).map(([name, one]) => [name, typeof one === "string" ? one : JSON.stringify(one)]),
  );
}

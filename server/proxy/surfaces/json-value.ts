/** An object of JSON, of which nothing else is known. */
export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for a field that says nothing. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

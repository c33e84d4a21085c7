/** A text of the address; a number there is read as one. `undefined` where nothing is said. */
export function pickText(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && text !== "" ? text : undefined;
}

/** What was typed as a number. What is none, an empty text too, goes as it is, and is refused at its field. */
export function parseNumber(text: string): number {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) ? value : (text as unknown as number);
}

/** What a spreadsheet takes for the beginning of a formula. Source: OWASP, CSV Injection. */
const formulaStart = /^[=+\-@\t\r]/;
const needsQuotes = /[",\r\n]/;

/** A cell's value. A number stays one; text that would be a formula does not. */
export type CsvValue = string | number | bigint | boolean | null | undefined;

/**
 * One cell as RFC 4180 writes it. Text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets an apostrophe
 * before it, which spreadsheets show as text. Numbers of ours are as they are, the negative ones too.
 */
export function makeCsvCell(value: CsvValue): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const text = formulaStart.test(value) ? `'${value}` : value;
  return needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A line with its end. */
export function makeCsvLine(values: readonly CsvValue[]): string {
  return `${values.map(makeCsvCell).join(",")}\r\n`;
}

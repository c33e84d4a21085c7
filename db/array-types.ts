/** Writes a one-dimensional array the way PostgreSQL reads it; a text is taken as already written so. */
function makeArrayText(values: string | readonly (string | number | bigint | null)[]): string {
  if (typeof values === "string") return values;
  const items = values.map((value) => (value === null ? "NULL" : `"${String(value).replace(/["\\]/g, "\\$&")}"`));
  return `{${items.join(",")}}`;
}

const item = /"((?:[^"\\]|\\.)*)"|([^,{}]+)/gs;

/** Reads a one-dimensional array of texts as PostgreSQL writes it. */
function parseArrayText(text: string): (string | null)[] {
  return [...text.matchAll(item)].map(([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replace(/\\(.)/gs, "$1");
    return bare === "NULL" ? null : (bare ?? "");
  });
}

/** Type numbers of `pg_type`; they are the same in every PostgreSQL. */
const texts = { to: 1009, from: [1009], serialize: makeArrayText, parse: parseArrayText };
const integers = { to: 1007, from: [] as number[], serialize: makeArrayText, parse: parseArrayText };
const bigints = { to: 1016, from: [] as number[], serialize: makeArrayText, parse: parseArrayText };
const uuids = { to: 2951, from: [2951], serialize: makeArrayText, parse: parseArrayText };

/**
 * The array types that the product sends and reads, known beforehand. The client would else ask for them on every new
 * connection, and when that connection breaks in the middle, its rejection has no owner and ends the process.
 */
export const arrayTypes = { texts, integers, bigints, uuids };

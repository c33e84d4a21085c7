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

const keep = (text: string): string => text;

/** Days, times and instants, alone and in arrays: a `Date` would lose their microseconds. */
const instants = { to: 1184, from: [1082, 1083, 1114, 1115, 1182, 1184, 1185], serialize: keep, parse: keep };
/** Arrays of amounts that a number cannot hold. */
const numerics = { to: 1231, from: [1231], serialize: keep, parse: keep };
/** `json` and `jsonb`: what is sent is JSON already. */
const json = { to: 114, from: [] as number[], serialize: keep, parse: keep };
const jsonb = { to: 3802, from: [] as number[], serialize: keep, parse: keep };

/**
 * How values are sent and read where the driver's way would not do. The array types are known beforehand, because the driver
 * would else ask for them on every new connection, and when that connection breaks in the middle, its rejection has no owner
 * and ends the process.
 */
export const valueTypes = { texts, integers, bigints, uuids, instants, numerics, json, jsonb };

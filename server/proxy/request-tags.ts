import { makeRefusal, type Refusal } from "../core/error.ts";

const tagsMax = 32;
const namePattern = /^[a-z0-9_.:-]{1,64}$/;
const bodyFields = ["tags", "tensorzero::tags"];
const reservedPrefixes = ["tensorzero::", "tollgate::", "key::"];

/** Tags that the client sent. They describe a request; nobody is billed by them. */
export type RequestTags = Record<string, string>;

/**
 * Joins the tags of body and header (the body wins over the header), checks them, and leaves out every name that the key
 * itself binds: a key-bound tag always wins.
 *
 * @returns JSON text of the tags, `""` where there are none, or a refusal that names the field.
 */
export function parseRequestTags(
  json: Readonly<Record<string, unknown>>,
  header: string | undefined,
  keyTags: Readonly<Record<string, string>>,
): string | Refusal {
  // Most requests carry none.
  if (header === undefined && bodyFields.every((field) => json[field] === undefined)) return "";
  const tags: RequestTags = {};
  if (header !== undefined && header !== "") {
    for (const pair of header.split(",")) {
      const equals = pair.indexOf("=");
      if (equals < 1)
        return makeRefusal("invalid_request", "Write x-tollgate-tags as `name=value,name=value`.", {
          param: "x-tollgate-tags",
        });
      const refusal = addTag(tags, pair.slice(0, equals).trim(), pair.slice(equals + 1).trim(), "x-tollgate-tags");
      if (refusal !== null) return refusal;
    }
  }
  for (const field of bodyFields) {
    const value = json[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== "object" || Array.isArray(value)) {
      return makeRefusal("invalid_request", `\`${field}\` must be an object of strings.`, { param: field });
    }
    for (const [name, text] of Object.entries(value)) {
      const refusal = addTag(tags, name, text, field);
      if (refusal !== null) return refusal;
    }
  }
  const names = Object.keys(tags);
  if (names.length === 0) return "";
  if (names.length > tagsMax)
    return makeRefusal("invalid_request", `At most ${tagsMax} tags may be sent.`, { param: "tags" });
  for (const name of names) if (Object.hasOwn(keyTags, name)) delete tags[name];
  return Object.keys(tags).length === 0 ? "" : JSON.stringify(tags);
}

function addTag(tags: RequestTags, name: string, value: unknown, field: string): Refusal | null {
  if (reservedPrefixes.some((prefix) => name.startsWith(prefix))) {
    return makeRefusal(
      "reserved_tag",
      `Tag name cannot start with \`${name.slice(0, name.indexOf("::") + 2)}\`: ${name.slice(0, 64)}`,
      { param: field },
    );
  }
  if (!namePattern.test(name)) {
    return makeRefusal("invalid_request", "A tag name is 1 to 64 characters of a-z, 0-9, `_`, `.`, `:`, `-`.", {
      param: field,
    });
  }
  // Control characters cannot be stored as text in PostgreSQL's JSON, and lone surrogates are no text at all.
  if (typeof value !== "string" || value.length > 256 || /[\p{Cc}\p{Cs}]/u.test(value)) {
    return makeRefusal("invalid_request", `The value of tag \`${name}\` must be a string of at most 256 characters.`, {
      param: field,
    });
  }
  Object.defineProperty(tags, name, { value, enumerable: true, configurable: true, writable: true });
  return null;
}

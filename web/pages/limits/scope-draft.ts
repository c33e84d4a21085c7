import { parseMatch, type ScopeField } from "./limit-words.ts";

/** A scope as it stands in a form. */
export interface ScopeDraft {
  id: number;
  field: ScopeField;
  tagKey: string;
  match: "value" | "each" | "total";
  value: string;
}

let ids = 0;

/** Tells rows of a form apart, while they are moved and removed. */
export function makeRowId(): number {
  return ++ids;
}

export function makeScopeDraft(scope: Readonly<Record<string, string>>): ScopeDraft {
  const tagKey = scope["tag_key"];
  const [field = "api_key_public_id", value = ""] =
    tagKey === undefined ? (Object.entries(scope)[0] ?? []) : ["tag_key", scope["tag_value"]];
  const match = parseMatch(value);
  return {
    id: makeRowId(),
    field: field as ScopeField,
    tagKey: tagKey ?? "",
    match,
    value: match === "value" ? value : "",
  };
}

/** The scope as the gateway takes it. */
export function makeScope({ field, tagKey, match, value }: ScopeDraft): Record<string, string> {
  const text = match === "value" ? value.trim() : `tensorzero::${match}`;
  return field === "tag_key" ? { tag_key: tagKey.trim(), tag_value: text } : { [field]: text };
}

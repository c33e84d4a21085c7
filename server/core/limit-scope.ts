import { isIP } from "node:net";
import { z } from "zod";
import { isPublicId } from "./key-format.ts";
import { wireLine } from "./wire-types.ts";

/** What of a call a scope looks at. */
export const scopeKinds = ["api_key_public_id", "owner_id", "model", "client_ip", "origin", "tag"] as const;
export type ScopeKind = (typeof scopeKinds)[number];

/** A condition on calls, and how those that meet it are counted: each value for itself, or all together. */
export interface RuleScope {
  kind: ScopeKind;
  /** Of `tag`: the tag's name; else `""`. */
  tagKey: string;
  /** `value`: only this one. `each`: whatever there is, a counter for every value. `total`: whatever there is, one counter. */
  match: "value" | "each" | "total";
  /** With `value`; a model's may hold `*`. Else `""`. */
  value: string;
}

const anyValue = /^(?:tensorzero|tollgate)::(each|total)$/;
const reserved = /^(?:tensorzero|tollgate)::/;

function makeValueSchema(max: number, isValid: (text: string) => boolean, allowed: string, min = 1) {
  return wireLine(max, min)
    .refine((text) => anyValue.test(text) || (!reserved.test(text) && isValid(text)), {
      error: `must be ${allowed}, tensorzero::each or tensorzero::total`,
    })
    .optional();
}

const everything = () => true;
const scopeFields = {
  api_key_public_id: makeValueSchema(32, isPublicId, "12 letters or digits"),
  tag_key: wireLine(64)
    .refine((name) => !/^(tensorzero|tollgate|key)::/.test(name), {
      error: "must not begin with tensorzero::, tollgate:: or key::",
    })
    .optional(),
  tag_value: makeValueSchema(256, everything, "a value", 0),
  owner_id: makeValueSchema(256, everything, "the id of an owner"),
  model: makeValueSchema(256, everything, "a model's name, with * as a wildcard"),
  client_ip: makeValueSchema(64, (text) => isIP(text) !== 0, "an IPv4 or IPv6 address"),
  origin: makeValueSchema(
    300,
    (text) => URL.canParse(text) && new URL(text).origin === text.toLowerCase(),
    "an origin like https://app.example.com",
  ),
} as const;

const kindFields = ["api_key_public_id", "tag_key", "owner_id", "model", "client_ip", "origin"] as const;

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A check of several fields together must tell its fault beside those of single fields, not after them. */
export const besideOthers = { when: ({ value }: { value: unknown }) => isTable(value) };

/** One entry of a rule's `scope`, as the config file and the wire write it. */
export const ruleScopeSchema = z
  .strictObject(scopeFields)
  .refine((scope) => kindFields.filter((field) => scope[field] !== undefined).length <= 1, {
    error: "must name one thing; write several as several entries, which must all match",
    ...besideOthers,
  })
  .refine(
    (scope) => kindFields.some((field) => scope[field] !== undefined) || (isTable(scope) && "tag_value" in scope),
    { error: `must name one of ${kindFields.join(", ")}`, ...besideOthers },
  )
  .refine((scope) => scope.tag_key === undefined || scope.tag_value !== undefined, {
    path: ["tag_value"],
    error: "must be given with tag_key",
    ...besideOthers,
  })
  .refine((scope) => scope.tag_value === undefined || scope.tag_key !== undefined, {
    path: ["tag_key"],
    error: "must be given with tag_value",
    ...besideOthers,
  });
export type ScopeFields = z.infer<typeof ruleScopeSchema>;

/** Brings an entry that was checked into the form that is matched. */
export function parseRuleScope(fields: ScopeFields): RuleScope {
  const field = kindFields.find((name) => fields[name] !== undefined) ?? "tag_key";
  const text = (field === "tag_key" ? fields.tag_value : fields[field]) ?? "";
  const kind: ScopeKind = field === "tag_key" ? "tag" : field;
  const tagKey = field === "tag_key" ? (fields.tag_key ?? "") : "";
  const wild = anyValue.exec(text)?.[1];
  if (wild === "each" || wild === "total") return { kind, tagKey, match: wild, value: "" };
  return { kind, tagKey, match: "value", value: kind === "origin" ? text.toLowerCase() : text };
}

/** The wire's form of a scope: the inverse of {@link parseRuleScope}. */
export function makeScopeFields({ kind, tagKey, match, value }: RuleScope): ScopeFields {
  const text = match === "value" ? value : `tensorzero::${match}`;
  return kind === "tag" ? { tag_key: tagKey, tag_value: text } : { [kind]: text };
}

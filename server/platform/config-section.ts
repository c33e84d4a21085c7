import { z } from "zod";
import { formatAllowedNames } from "../core/allowed-names.ts";
import { type ConfigMistake, formatConfigPath, formatConfigValue } from "./config-error.ts";
import { configFileSchema } from "./config-schema.ts";

type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
};

/** A part of the config file, with the place where it stands. */
export interface ConfigPart {
  value: unknown;
  path: readonly PropertyKey[];
}

type Issue = z.core.$ZodIssue;

/**
 * Checks one part of the config file.
 *
 * @returns the part with its defaults, or `null` after adding every mistake in it to `mistakes`.
 */
export function parseSection<T>(schema: z.core.$ZodType<T>, part: ConfigPart, mistakes: ConfigMistake[]): T | null {
  const result = z.safeParse(schema, part.value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) mistakes.push(...explain(issue, schema, part));
  return null;
}

/** Takes a table apart into its entries; anything but a table is a mistake. Nothing has no entries. */
export function parseTable(part: ConfigPart, mistakes: ConfigMistake[]): { name: string; part: ConfigPart }[] {
  if (part.value === undefined) return [];
  const table = parseSection(z.record(z.string(), z.unknown()), part, mistakes);
  if (table === null) return [];
  return Object.entries(part.value as object).map(([name, value]) => ({
    name,
    part: { value, path: [...part.path, name] },
  }));
}

function explain(issue: Issue, schema: z.core.$ZodType, part: ConfigPart): ConfigMistake[] {
  const path = [...part.path, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(
      findNode(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema, issue.path)?.properties ??
        {},
    );
    return issue.keys.map((key) => ({
      path: formatConfigPath([...path, key]),
      found: "unknown key",
      allowed: formatAllowedNames(key, known),
    }));
  }
  const value = findValue(part.value, issue.path);
  const found = value === undefined ? "missing" : formatFound(value, path);
  return [{ path: formatConfigPath(path), found, allowed: allowedBy(issue) }];
}

const credentialKey = /^api_|^(credential_location|access_key_id|secret_access_key|session_token)$/;

/** A text where a credential belongs may be the credential itself, put there by mistake. */
function formatFound(value: unknown, path: readonly PropertyKey[]): string {
  const secretive = path.some((name) => typeof name === "string" && credentialKey.test(name));
  if (secretive && typeof value === "string") return `a text of ${value.length} characters`;
  return `found ${formatConfigValue(value)}`;
}

function allowedBy(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${typeNames[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `allowed: ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unitOf(issue)}`;
    case "too_big":
      return `must be ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unitOf(issue)}`;
    case "invalid_format":
    case "invalid_union":
      return issue.message.startsWith("must ") ? issue.message : `must be ${issue.message}`;
    default:
      return issue.message;
  }
}

const typeNames: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  object: "a table",
  record: "a table",
};

function unitOf({ origin }: { origin: string }): string {
  return origin === "string" ? " characters long" : origin === "array" ? " long" : "";
}

function findValue(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return at;
}

function findNode(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  let at: JsonSchema | undefined = schema;
  for (const key of path) {
    const next: JsonSchema | boolean | undefined =
      typeof key === "number" ? at?.items : (at?.properties?.[String(key)] ?? at?.additionalProperties);
    at = typeof next === "object" ? next : undefined;
  }
  return at;
}

/** Every key that the config file may hold, with `*` for names that the operator chooses: `models.*.routing`. */
export function listConfigKeys(): string[] {
  const keys: string[] = [];
  const walk = (node: JsonSchema, path: string): void => {
    const children = [...Object.entries(node.properties ?? {})];
    if (typeof node.additionalProperties === "object") children.push(["*", node.additionalProperties]);
    for (const option of node.anyOf ?? []) walk(option, path);
    if (children.length === 0 && node.anyOf === undefined) keys.push(path);
    for (const [name, child] of children) walk(child, path === "" ? name : `${path}.${name}`);
  };
  walk(z.toJSONSchema(configFileSchema, { io: "input" }) as JsonSchema, "");
  return [...new Set(keys)];
}

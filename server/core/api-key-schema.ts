import { z } from "zod";
import { disconnectModes, keyStates, keyTypes } from "./api-key.ts";
import { isPublicId } from "./key-format.ts";
import { parseNetwork } from "./network.ts";
import { permissionCatalogue } from "./permission.ts";
import { wireDigits, wireInstant, wireInteger, wireLine, wireText, wireTimezone, wireUsd } from "./wire-types.ts";

const aliasLengthMax = 64;
/** Also bounds the work of comparing the pattern lists of two keys. */
const listLengthMax = 100;

/** A public id in a path or input. The shape only: what does not exist is for the query to say. */
const publicIdSchema = z.string().refine(isPublicId, "must be 12 letters or digits");

const aliasSchema = z
  .string()
  .max(aliasLengthMax)
  .regex(
    /^[a-z0-9]+(-[a-z0-9]+)*$/,
    "must be lower-case letters, digits and single dashes between them, like my-laptop",
  );

const services = [...new Set(permissionCatalogue.map((name) => name.slice(0, name.indexOf(":"))))];
const permissionNames = new Set<string>([...permissionCatalogue, ...services.map((name) => `${name}:*`), "*"]);

const permissions = z
  .array(
    z.string().refine((name) => permissionNames.has(name), {
      error: `must be one of ${permissionCatalogue.join(", ")}, a whole service like vec:*, or *`,
    }),
  )
  .max(listLengthMax)
  .transform((names) => [...new Set(names)]);

const models = z
  .array(
    wireLine(128).refine(
      (pattern) => pattern !== "!" && !/\s/.test(pattern),
      "must be a model name, with * as a wildcard and a leading ! to exclude",
    ),
  )
  .max(listLengthMax);

const tagNameShape = /^[a-z0-9_.:-]{1,64}$/;
const reservedTag = /^(tensorzero|tollgate|key)::/;
export const tagNameSchema = z
  .string()
  .regex(tagNameShape, "must be 1 to 64 of a-z, 0-9, _ . : -")
  .refine((name) => !reservedTag.test(name), "must not begin with tensorzero::, tollgate:: or key::");

const tagValue = z
  .string()
  .max(256)
  .refine((text) => !/[\0\p{Cs}\p{Cc}]/u.test(text), "must be one line of text without control characters");

const tagsSchema = z
  .record(tagNameSchema, tagValue)
  .refine((tags) => Object.keys(tags).length <= 32, "must be at most 32 tags");

/** Tags that must all match. The pipe lets it stand in a query string, where it is written `tag[NAME]=VALUE`. */
export const tagFilterSchema = tagsSchema
  .pipe(z.record(z.string(), z.string()))
  .meta({ description: "Key-bound tags that must all match.", param: { style: "deepObject", explode: true } });

const calendarPeriods = ["day", "week", "month"];
const budget = z
  .strictObject({
    limit_usd: wireUsd,
    period: z
      .string()
      .regex(/^([1-9]\d{0,3}d|day|week|month|total)$/, "must be a number of days like 30d, or day, week, month, total"),
    timezone: wireTimezone.optional(),
  })
  .refine((value) => value.timezone === undefined || calendarPeriods.includes(value.period), {
    path: ["timezone"],
    message: "only day, week and month have a timezone",
  });

const budgets = z
  .array(budget)
  .max(16)
  .refine(
    (list) => new Set(list.map((one) => `${one.period} ${one.timezone ?? "UTC"}`)).size === list.length,
    "must name each period once",
  );

const rateName =
  /^(concurrent_requests|(model_inferences|requests|tokens|input_tokens|output_tokens|cost)_per_(second|minute|hour|day|week|month))$/;
const rateLimits = z
  .record(
    z
      .string()
      .regex(
        rateName,
        "must be RESOURCE_per_WINDOW (requests_per_minute, tokens_per_day, cost_per_month, …) or concurrent_requests",
      ),
    z.number().min(0).max(1e12),
  )
  .superRefine((limits, context) => {
    for (const [name, limit] of Object.entries(limits)) {
      if (name.startsWith("cost_per_") || Number.isSafeInteger(limit)) continue;
      context.addIssue({ code: "custom", path: [name], message: "must be a whole number" });
    }
  });

const networks = z
  .array(z.string().refine((text) => parseNetwork(text) !== null, "must be an IPv4 or IPv6 network, like 10.0.0.0/8"))
  .max(listLengthMax);

const originShape = /^https?:\/\/(\*\.)?([a-z0-9-]+\.)*[a-z0-9-]+(:\d{1,5})?$/;

function isOrigin(text: string): boolean {
  if (text.length > 300 || !originShape.test(text)) return false;
  const plain = text.replace("://*.", "://");
  // A wildcard over a whole top level would be no restriction.
  if (plain !== text && !plain.slice(plain.indexOf("://")).includes(".")) return false;
  return URL.canParse(plain) && new URL(plain).origin === plain;
}

const origins = z
  .array(
    z
      .string()
      .toLowerCase()
      .refine(isOrigin, "must be an origin like https://app.example.com or https://*.example.com, without a path"),
  )
  .max(listLengthMax);

const providerCredentials = z
  .record(z.string().regex(/^[a-z0-9_-]{1,64}$/), wireLine(128))
  .refine((pins) => Object.keys(pins).length <= 32, "must be at most 32 pins");

/** The properties that both a create and a change may set. */
const properties = {
  alias: aliasSchema.optional(),
  name: wireLine(200).nullable().optional(),
  description: wireText(2_000).nullable().optional(),
  permissions: permissions.optional(),
  models: models.optional(),
  tags: tagsSchema.optional(),
  budgets: budgets.optional(),
  rate_limits: rateLimits.optional(),
  max_output_tokens: wireInteger(1, 100_000_000).nullable().optional(),
  expires_at: wireInstant.nullable().optional(),
  expiration: wireInstant.nullable().optional().describe("The same as expires_at."),
  allowed_ips: networks.optional(),
  allowed_origins: origins.optional(),
  owner_id: wireLine(128).nullable().optional(),
  provider_credentials: providerCredentials.optional(),
  on_disconnect: z.enum(disconnectModes).optional(),
};

function hasOneExpiry(input: { expires_at?: unknown; expiration?: unknown }): boolean {
  return input.expires_at === undefined || input.expiration === undefined;
}
const oneExpiry = { path: ["expiration"], message: "send either expires_at or expiration" };

export const createKeyInput = z
  .strictObject({
    ...properties,
    type: z.enum(keyTypes).default("production"),
    idempotency_key: wireLine(255)
      .optional()
      .describe("REST: the header Idempotency-Key. A repeated create answers the same key, without its plaintext."),
  })
  .refine(hasOneExpiry, oneExpiry);
export type CreateKeyInput = z.output<typeof createKeyInput>;

export const updateKeyInput = z
  .strictObject({
    public_id: publicIdSchema,
    ...properties,
    state: z.enum(["active", "disabled"]).optional(),
    if_match: wireDigits(1, 999_999_999)
      .optional()
      .describe("REST: the header If-Match. The version that the change rests on."),
  })
  .refine(hasOneExpiry, oneExpiry);
export type UpdateKeyInput = z.output<typeof updateKeyInput>;

export const keyReference = z.strictObject({ public_id: publicIdSchema });

export const listKeysInput = z.strictObject({
  limit: wireDigits(1, 200).default(50),
  cursor: z.string().max(200).optional(),
  state: z.enum(keyStates).optional(),
  type: z.enum(keyTypes).optional(),
  owner_id: wireLine(128).optional(),
  tag: tagFilterSchema.optional(),
  alias: aliasSchema.optional(),
  q: wireLine(100).optional().describe("Text to find in public id, alias, name and description, in any case."),
});

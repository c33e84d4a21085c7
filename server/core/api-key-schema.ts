import { z } from "zod";
import { disconnectModes, importFormats, keyStates, keyTypes } from "./api-key.ts";
import { budgetFields, hasFittingTimezone, unfitTimezoneText } from "./budget-schema.ts";
import { parseOverlap } from "./expiry.ts";
import { keyAdvices } from "./key-advice.ts";
import { isPublicId } from "./key-format.ts";
import { parseNetwork } from "./network.ts";
import { isGrant } from "./permission.ts";
import { isRateName } from "./rate-limit.ts";
import { wireDigits, wireInstant, wireInteger, wireLine, wireText } from "./wire-types.ts";

const aliasLengthMax = 64;
/** Also bounds the work of comparing the pattern lists of two keys. */
const listLengthMax = 100;

/** A public id in a path or input. The shape only: what does not exist is for the query to say. */
export const publicIdSchema = z
  .string()
  .refine(isPublicId, "must be 12 letters or digits")
  .meta({
    description: "The key's public id: the part of its text between the underscores.",
    wire: { type: "string", pattern: "^[0-9A-Za-z]{12}$" },
  });

const aliasSchema = z
  .string()
  .max(aliasLengthMax)
  .regex(
    /^[a-z0-9]+(-[a-z0-9]+)*$/,
    "must be lower-case letters, digits and single dashes between them, like my-laptop",
  );

/** The spelling only: which permissions there are, the config says too. */
const permissions = z
  .array(z.string().refine(isGrant, "must be a permission like vec:read, a whole service like vec:*, or *"))
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

/** In a query string it is written `tag[NAME]=VALUE`. */
export const tagFilterSchema = tagsSchema.describe("Key-bound tags that must all match: `tag[NAME]=VALUE`.");

const budget = z
  .strictObject(budgetFields)
  .refine(hasFittingTimezone, { path: ["timezone"], error: unfitTimezoneText });

const budgets = z
  .array(budget)
  .max(16)
  .refine(
    (list) => new Set(list.map((one) => `${one.period} ${one.timezone ?? "UTC"}`)).size === list.length,
    "must name each period once",
  );

const rateLimits = z
  .record(
    z
      .string()
      .refine(
        isRateName,
        "must be RESOURCE_per_WINDOW (requests_per_minute, tokens_per_day, cost_per_month, …) or concurrent_requests",
      ),
    z
      .number()
      .min(0)
      .max(1e12)
      .refine((limit) => !Object.is(limit, -0), "must not be -0"),
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
  alias: aliasSchema
    .optional()
    .describe("A name for people, one live key of an owner at a time. Made from the name by default."),
  name: wireLine(200).nullable().optional(),
  description: wireText(2_000).nullable().optional(),
  permissions: permissions.optional().describe("What the key may do, like `ai:inference` or `vec:*`."),
  models: models.optional().describe("Patterns with `*`; a leading `!` excludes. `*` by default."),
  tags: tagsSchema.optional().describe("Bound to the key and to every call that it makes."),
  budgets: budgets.optional().describe("Spend per period; all of them hold."),
  rate_limits: rateLimits.optional().describe("`RESOURCE_per_WINDOW` and `concurrent_requests`, in sliding windows."),
  max_output_tokens: wireInteger(1, 100_000_000).nullable().optional().describe("The most that one call may ask for."),
  expires_at: wireInstant.nullable().optional().describe("`null`: never, where the configuration allows it."),
  expiration: wireInstant.nullable().optional().describe("The same as expires_at."),
  allowed_ips: networks.optional().describe("Networks that the key may be used from; empty: all."),
  allowed_origins: origins.optional().describe("Web origins that the key may be used from."),
  owner_id: wireLine(128).nullable().optional().describe("Whose key it is; `null`: the operator's."),
  provider_credentials: providerCredentials.optional().describe("Which stored credential is used at a provider."),
  on_disconnect: z.enum(disconnectModes).optional().describe("What becomes of a stream whose client leaves."),
};

function hasOneExpiry(input: { expires_at?: unknown; expiration?: unknown }): boolean {
  return input.expires_at === undefined || input.expiration === undefined;
}
const oneExpiry = { path: ["expiration"], message: "send either expires_at or expiration" };

const idempotencyKey = wireLine(255)
  .optional()
  .describe("REST: the header Idempotency-Key. A repeated call answers the same key, without its plaintext.");

export const createKeyInput = z
  .strictObject({
    ...properties,
    type: z.enum(keyTypes).default("production"),
    idempotency_key: idempotencyKey,
  })
  .refine(hasOneExpiry, oneExpiry);
export type CreateKeyInput = z.output<typeof createKeyInput>;

const ifMatch = wireDigits(1, 999_999_999)
  .optional()
  .describe("REST: the header If-Match. The version that the change rests on.");

const cutStreams = z
  .boolean()
  .default(false)
  .describe("End the calls of the key that are running, on every gateway, instead of letting them finish.");

/** Entries of one call; the body has a limit of its own. */
const entriesMax = 200;

const importEntry = z
  .strictObject({
    ...properties,
    type: z.enum(keyTypes).default("production"),
    hash: z
      .string()
      .toLowerCase()
      .regex(
        /^[0-9a-f]{64}$/,
        "must be a SHA-256 in hex: of the 48 characters of a TensorZero key, of the whole key else",
      )
      .describe("SHA-256 in hex: of the 48 characters of a TensorZero key, of the whole of any other."),
    format: z.enum(importFormats),
    public_id: publicIdSchema.optional(),
    state: z.enum(["active", "disabled"]).default("active"),
  })
  .refine(hasOneExpiry, oneExpiry)
  .refine((entry) => entry.format !== "tensorzero" || entry.public_id !== undefined, {
    path: ["public_id"],
    message: "must be that of the TensorZero key",
  });
export type ImportKeyEntry = z.output<typeof importEntry>;

export const importKeysInput = z.strictObject({ keys: z.array(importEntry).min(1).max(entriesMax) });

const bulkActions = ["disable", "enable", "revoke"] as const;

export const bulkKeysInput = z
  .strictObject({
    action: z.enum(bulkActions),
    public_ids: z.array(publicIdSchema).min(1).max(entriesMax),
    cut_streams: cutStreams,
  })
  .refine((input) => !input.cut_streams || input.action === "revoke", {
    path: ["cut_streams"],
    message: "goes with revoke alone",
  });

/** Longer than any key of ours or of others. */
const keyTextLengthMax = 512;
const leakedKeysMax = 100;

export const leakedKeysInput = z.strictObject({
  keys: z.array(z.string().min(1).max(keyTextLengthMax)).min(1).max(leakedKeysMax).describe("Whole keys."),
});

export const updateKeyInput = z
  .strictObject({
    public_id: publicIdSchema,
    ...properties,
    state: z.enum(["active", "disabled"]).optional(),
    if_match: ifMatch,
  })
  .refine(hasOneExpiry, oneExpiry);
export type UpdateKeyInput = z.output<typeof updateKeyInput>;

export const keyReference = z.strictObject({ public_id: publicIdSchema });

/** A command to one key. */
export const keyCommand = z.strictObject({ public_id: publicIdSchema, if_match: ifMatch });

export const revokeKeyInput = z.strictObject({
  public_id: publicIdSchema,
  cut_streams: cutStreams,
  if_match: ifMatch,
});

export const rotateKeyInput = z.strictObject({
  public_id: publicIdSchema,
  overlap: z
    .string()
    .max(16)
    .transform((text, context): number => {
      const overlapMs = parseOverlap(text);
      if (overlapMs !== null) return overlapMs;
      context.addIssue({ code: "custom", message: "must be 0, or a time of at most 30 days like 90s, 45m, 24h or 7d" });
      return z.NEVER;
    })
    .prefault("24h")
    .describe("How long the old secret works on: 0, or a time like 24h (the default), at most 30d."),
  idempotency_key: idempotencyKey,
  if_match: ifMatch,
});

const keyOrders = ["created_at", "alias", "last_used_at", "expires_at"] as const;

export const listKeysInput = z
  .strictObject({
    limit: wireDigits(1, 200).default(50).describe("How many keys at most."),
    cursor: z.string().max(200).optional().describe("`next_cursor` of the page before."),
    state: z.enum(keyStates).optional().describe("What the key is now."),
    type: z.enum(keyTypes).optional().describe("What the key is for."),
    owner_id: wireLine(128).optional().describe("Keys of this owner."),
    tag: tagFilterSchema.optional(),
    alias: aliasSchema.optional().describe("The exact alias."),
    advice: z.enum(keyAdvices).optional().describe("Only keys that this is advised for."),
    q: wireLine(100).optional().describe("Text to find in public id, alias, name and description, in any case."),
    sort: z
      .enum(keyOrders)
      .default("created_at")
      .describe("Any other order than created_at holds for the newest 20,000 keys; older ones are not in it."),
    order: z.enum(["asc", "desc"]).optional().describe("desc by default; with created_at nothing else."),
  })
  .refine((input) => input.sort !== "created_at" || input.order !== "asc", {
    path: ["order"],
    message: "must be desc where sort is created_at",
  });

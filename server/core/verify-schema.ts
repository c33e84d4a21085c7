import { z } from "zod";
import { parseAddress } from "./client-address.ts";
import { isModelName } from "./model-name.ts";
import { originLengthMax } from "./origin.ts";
import { isGrant } from "./permission.ts";
import { wireInstantOut, wireInteger, wireUsd } from "./wire-types.ts";

/** What a verification can come to. */
export const verifyCodes = [
  "VALID",
  "NOT_FOUND",
  "EXPIRED",
  "DISABLED",
  "REVOKED",
  "INSUFFICIENT_PERMISSIONS",
  "MODEL_NOT_ALLOWED",
  "IP_NOT_ALLOWED",
  "ORIGIN_NOT_ALLOWED",
  "RATE_LIMITED",
  "BUDGET_EXCEEDED",
] as const;
export type VerifyCode = (typeof verifyCodes)[number];

function isOrigin(text: string): boolean {
  if (text === "null") return true;
  return text.length <= originLengthMax && URL.canParse(text) && new URL(text).origin === text;
}

export const permissionList = z.array(z.string().refine(isGrant, "must be a permission like vec:read")).max(100);
export const modelToCall = z.string().refine(isModelName, "must be the name of a model: 1 to 256 printable characters");

const countMax = 1_000_000_000;

export const verifyInput = z.strictObject({
  key: z.string().min(1).describe("The whole text that was presented to the caller."),
  permissions: permissionList.optional().describe("All of them are needed."),
  model: modelToCall.optional(),
  ip: z
    .string()
    .transform((text, context): string => {
      const address = parseAddress(text);
      if (address !== null) return address;
      context.addIssue({ code: "custom", message: "must be an IPv4 or IPv6 address" });
      return z.NEVER;
    })
    .optional()
    .describe("Where the key was presented from. A key that is bound to networks is valid from these alone."),
  origin: z
    .string()
    .refine(isOrigin, "must be an origin like https://app.example.com, as a browser sends it")
    .optional()
    .describe("The same for origins."),
  cost_usd: wireUsd
    .optional()
    .describe(
      "What the use costs. Counted in the limits of cost per time of the key; of its budgets it is only asked whether they cover it.",
    ),
  requests: wireInteger(0, countMax)
    .optional()
    .describe("How many requests it counts for in the limits of the key; 1 unless it is said, 0 to ask only."),
  tokens: wireInteger(0, countMax).optional().describe("How many tokens it counts for."),
});
export type VerifyInput = z.output<typeof verifyInput>;

/** What is known of the key stands there only where its whole text was presented. */
export const verifyAnswer = z.object({
  valid: z.boolean(),
  code: z.enum(verifyCodes),
  public_id: z.string().nullable(),
  owner_id: z.string().nullable(),
  tags: z.record(z.string(), z.string()).nullable(),
  permissions: z.array(z.string()).nullable(),
  remaining: z.number().nullable().describe("What is left of the tightest rate limit; null where the key has none."),
  reset_at: wireInstantOut.nullable().describe("When all of that limit is free again, if nothing else is used."),
  expires_at: wireInstantOut.nullable(),
});
export type VerifyAnswer = z.infer<typeof verifyAnswer>;

import { z } from "zod";
import { apiKeyView } from "./api-key-view.ts";
import { formatUsd } from "./money.ts";
import { type Plan, userRoles } from "./plan.ts";
import type { User } from "./user.ts";
import { wireDigits, wireInstantOut, wireLine } from "./wire-types.ts";

const email = z.email("must be an e-mail address, like ada@example.com").max(254).toLowerCase();
/** The same bounds as at sign-up. */
const password = z.string().min(8).max(128);
const role = z.enum(userRoles);
const plan = wireLine(64);
const userId = z.string().regex(/^[0-9A-Za-z_-]{1,64}$/, "must be the id of a user");

export const userReference = z.strictObject({ user_id: userId.describe("The user's id.") });

export const createUserInput = z.strictObject({
  email,
  name: wireLine(200).optional().describe("The e-mail's first part unless given."),
  role: role.optional(),
  plan: plan.optional().describe("The first plan of the config unless given."),
  password: password.optional().describe("Made, and answered this once, unless given."),
});

export const updateUserInput = z.strictObject({
  user_id: userId.describe("The user's id."),
  name: wireLine(200).optional(),
  role: role.optional(),
  plan: plan.optional(),
  password: password.optional().describe("Ends all sessions of the user."),
});

export const inviteUserInput = z.strictObject({ email, role: role.optional(), plan: plan.optional() });

export const listUsersInput = z.strictObject({
  limit: wireDigits(1, 200).default(50).describe("How many users at most."),
  cursor: z.string().max(200).optional().describe("`next_cursor` of the page before."),
  role: role.optional().describe("Users of this role."),
  plan: plan.optional().describe("Users of this plan."),
  q: wireLine(100).optional().describe("Text to find in name and e-mail, in any case."),
});

/** A user on the wire: a closed list, so that nothing new leaves by accident. */
export const userView = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role,
  plan: z.string(),
  state: z.enum(["active", "disabled"]),
  disabled_at: wireInstantOut.nullable(),
  created_at: wireInstantOut,
  key_count: z.number().describe("Keys that are held: neither revoked nor expired."),
});
export type UserView = z.infer<typeof userView>;

export const createdUserView = z.object({
  ...userView.shape,
  password: z.string().nullable().describe("The password that was made, given this once; null where one was sent."),
});

export const changedUserView = z.object({
  ...userView.shape,
  disabled_keys: z
    .array(apiKeyView.pick({ public_id: true, alias: true, last_used_at: true }))
    .describe("Keys that were disabled because the plan allows fewer: those that were not used for the longest time."),
});

export const userList = z.object({ users: z.array(userView), next_cursor: z.string().nullable() });

export const invitationView = z.object({
  email: z.string(),
  invitation: z.string().describe("To be sent as `invitation` with the sign-up of this e-mail. Given this once."),
  role,
  plan: z.string(),
  expires_at: wireInstantOut,
});

export const planView = z.object({
  name: z.string(),
  keys: z.number().describe("Keys that may be held at once."),
  budget_usd: z.string().nullable().describe("Of each key in 30 days; null: no ceiling."),
  requests_per_minute: z.number().nullable().describe("Of each key; null: no ceiling."),
  models: z.array(z.string()).describe("Allowlist."),
  rotate: z.boolean(),
});

export const planList = z.object({ plans: z.array(planView) });

export const sessionView = z.object({
  user: userView.nullable().describe("null where a key asks."),
  plan: planView.nullable().describe("The ceilings of the user's keys; null for admins, who have none."),
  key_count: z.number(),
});

/** Renders a user for the wire. */
export function makeUserView(user: User, keyCount: number): UserView {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    role: user.role,
    plan: user.plan,
    state: user.disabledAt === null ? "active" : "disabled",
    disabled_at: user.disabledAt?.toISOString() ?? null,
    created_at: user.createdAt.toISOString(),
    key_count: keyCount,
  };
}

/** Renders a plan for the wire. */
export function makePlanView(value: Plan): z.infer<typeof planView> {
  return {
    name: value.name,
    keys: value.keysMax,
    budget_usd: value.budgetNanoUsd === null ? null : formatUsd(value.budgetNanoUsd),
    requests_per_minute: value.requestsPerMinuteMax,
    models: [...value.models],
    rotate: value.mayRotate,
  };
}

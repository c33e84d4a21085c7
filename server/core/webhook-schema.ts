import { z } from "zod";
import { besideOthers } from "./limit-scope.ts";
import { wireDigits, wireInstantOut, wireLine } from "./wire-types.ts";

export const webhookKinds = ["standard", "slack", "email"] as const;
export type WebhookKind = (typeof webhookKinds)[number];
export const deliveryStates = ["pending", "delivered", "parked"] as const;
export type DeliveryState = (typeof deliveryStates)[number];

const webhookId = z
  .string()
  .regex(/^hook_[0-9A-Za-z]{1,40}$/, "must be the id of a webhook")
  .describe("The webhook's id.");
const deliveryId = z.string().regex(/^msg_[0-9A-Za-z]{1,40}$/, "must be the id of a delivery");
const url = wireLine(2_048).describe("Where messages go: https, or http within [egress] allow. standard and slack.");
const email = z.email("must be an e-mail address, like ops@example.com").max(254);
const recipients = z.array(email).min(1).max(20).describe("Who gets messages. email only.");

export const webhookReference = z.strictObject({ webhook_id: webhookId });
export const webhookIds = z.array(webhookId).max(20);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

export const createWebhookInput = z
  .strictObject({
    kind: z
      .enum(webhookKinds)
      .describe("standard: signed JSON (Standard Webhooks); slack: Slack's incoming webhooks; email: by SMTP."),
    name: wireLine(100),
    url: url.optional(),
    to: recipients.optional(),
    enabled: z.boolean().default(true),
  })
  .refine((input) => !isObject(input) || (input.kind === "email") !== ("url" in input && input.url !== undefined), {
    path: ["url"],
    error: "must be given for the kinds standard and slack, and not for email",
    ...besideOthers,
  })
  .refine((input) => !isObject(input) || (input.kind === "email") === ("to" in input && input.to !== undefined), {
    path: ["to"],
    error: "must be given for the kind email, and for no other",
    ...besideOthers,
  });

/** What is not said stays as it is; the kind always does. */
export const updateWebhookInput = z.strictObject({
  webhook_id: webhookId,
  name: wireLine(100).optional(),
  url: url.optional(),
  to: recipients.optional(),
  enabled: z.boolean().optional().describe("false: nothing more is sent there; what waits stays waiting."),
});

/** A webhook on the wire: never its secret, and of its URL what is no secret. */
export const webhookView = z.object({
  id: z.string(),
  kind: z.enum(webhookKinds),
  name: z.string(),
  target: z.string().describe("Where it goes: a URL without its query; of Slack's only the host; addresses."),
  enabled: z.boolean(),
  created_at: wireInstantOut,
  created_by: z.string(),
  secret_rotated_at: wireInstantOut.nullable(),
  previous_secret_ends_at: wireInstantOut
    .nullable()
    .describe("Until then messages are signed with the old secret too."),
});
export type WebhookView = z.infer<typeof webhookView>;

export const createdWebhookView = z.object({
  ...webhookView.shape,
  secret: z.string().nullable().describe("What signatures are checked with (whsec_…). Shown this once; standard only."),
});

export const webhookList = z.object({ webhooks: z.array(webhookView), next_cursor: z.null() });

export const deliveryView = z.object({
  id: z.string().describe("What the receiver gets as webhook-id."),
  webhook_id: z.string(),
  event: z.string(),
  state: z.enum(deliveryStates).describe("parked: given up; it can be replayed."),
  attempts: z.number(),
  created_at: wireInstantOut,
  next_try_at: wireInstantOut.nullable(),
  tried_at: wireInstantOut.nullable(),
  delivered_at: wireInstantOut.nullable(),
  last_status: z.number().nullable().describe("What the receiver answered last."),
  last_error: z.string().nullable(),
});
export type DeliveryView = z.infer<typeof deliveryView>;

export const listDeliveriesInput = z.strictObject({
  webhook_id: webhookId,
  limit: wireDigits(1, 200).default(50).describe("How many deliveries at most."),
  cursor: z.string().max(200).optional().describe("`next_cursor` of the page before."),
  state: z.enum(deliveryStates).optional().describe("Deliveries in this state."),
});
export const deliveryList = z.object({ deliveries: z.array(deliveryView), next_cursor: z.string().nullable() });

export const deliveryReference = z.strictObject({
  webhook_id: webhookId,
  delivery_id: deliveryId.describe("The delivery's id."),
});

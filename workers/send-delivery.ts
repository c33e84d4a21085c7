import type { StoredDelivery } from "../db/queries/webhook-deliveries.ts";
import type { StoredWebhook } from "../db/queries/webhooks.ts";
import type { Secret } from "../server/core/secret.ts";
import { makeEmailText, makeSlackBody, parseWebhookBody } from "../server/core/webhook-message.ts";
import { parseRetryAfter } from "../server/core/webhook-retry.ts";
import { makeSignatureHeaders } from "../server/core/webhook-signature.ts";
import { type Egress, EgressError } from "../server/platform/egress.ts";
import { MailError, type Mailer } from "../server/platform/mailer.ts";
import { openSealedWithAny, SealError } from "../server/platform/seal.ts";
import { version } from "../server/platform/version.ts";

/** How one try ended. `gone`: the receiver says that it wants no more of these (410). */
export type SendOutcome =
  | { kind: "delivered"; status: number | null }
  | { kind: "gone"; status: number }
  | { kind: "failed"; status: number | null; error: string; retryAfterMs: number };

export interface SendTools {
  /** Newest first. */
  sealKeys: readonly Secret[];
  egress: Egress;
  /** `null`: this deployment has no mail server. */
  mailer: Mailer | null;
  nowMs: number;
}

/** Sends a message to its receiver, once. Nothing that a receiver or the network does is thrown. */
export async function sendDelivery(
  tools: SendTools,
  webhook: StoredWebhook,
  delivery: StoredDelivery,
): Promise<SendOutcome> {
  try {
    const target = openSealedWithAny(
      tools.sealKeys,
      { table: "webhook", id: webhook.id, field: "target" },
      webhook.targetSealed,
    );
    if (webhook.kind === "email") return await sendMail(tools.mailer, target, delivery);
    return await sendHttp(tools, webhook, target, delivery);
  } catch (error) {
    if (!(error instanceof EgressError || error instanceof MailError || error instanceof SealError)) throw error;
    return { kind: "failed", status: null, error: error.message, retryAfterMs: 0 };
  }
}

async function sendMail(mailer: Mailer | null, target: Secret, { body }: StoredDelivery): Promise<SendOutcome> {
  if (mailer === null) {
    return { kind: "failed", status: null, error: "no mail server: SMTP_URL is not set here", retryAfterMs: 0 };
  }
  await mailer.send({ to: target.reveal().split(","), ...makeEmailText(parseWebhookBody(body)) });
  return { kind: "delivered", status: null };
}

async function sendHttp(
  tools: SendTools,
  webhook: StoredWebhook,
  target: Secret,
  { id, body }: StoredDelivery,
): Promise<SendOutcome> {
  const text = webhook.kind === "slack" ? makeSlackBody(parseWebhookBody(body)) : body;
  const timestamp = Math.floor(tools.nowMs / 1_000);
  const signed =
    webhook.kind === "slack" ? {} : makeSignatureHeaders({ id, timestamp, body }, listSecrets(tools, webhook));
  const { status, retryAfter } = await tools.egress.send({
    url: target.reveal(),
    headers: { "content-type": "application/json", "user-agent": `tollgate/${version}`, ...signed },
    body: text,
  });
  if (status >= 200 && status < 300) return { kind: "delivered", status };
  if (status === 410) return { kind: "gone", status };
  const redirect = status >= 300 && status < 400 ? "; redirects are not followed" : "";
  return { kind: "failed", status, error: `answered ${status}${redirect}`, retryAfterMs: parseRetryAfter(retryAfter) };
}

/** The newest first; the old one for as long as it counts. */
function listSecrets({ sealKeys, nowMs }: SendTools, webhook: StoredWebhook): Secret[] {
  const { secretSealed, previousSecretSealed, previousSecretUntil } = webhook;
  const isBoth = previousSecretUntil !== null && previousSecretUntil.getTime() > nowMs;
  const place = { table: "webhook", id: webhook.id, field: "secret" };
  return [secretSealed, isBoth ? previousSecretSealed : null]
    .filter((sealed) => sealed !== null)
    .map((sealed) => openSealedWithAny(sealKeys, place, sealed));
}

import { Secret } from "../../core/secret.ts";
import type { WebhookKind } from "../../core/webhook-schema.ts";
import { EgressError, openEgress } from "../../platform/egress.ts";
import { makeSealed } from "../../platform/seal.ts";
import type { ProcedureContext } from "../context.ts";
import { makeValidationError } from "../refusal.ts";

/** Where messages go, as it is stored: sealed, and what of it is no secret. */
export interface SealedTarget {
  targetSealed: Buffer;
  targetShown: string;
}

/**
 * Checks where messages are to go, and seals it.
 *
 * @throws AppError `validation_failed` for a host that may not be called, and for e-mail where there is no mail server.
 */
export async function makeTarget(
  ctx: ProcedureContext,
  webhook: { id: string; kind: WebhookKind },
  target: { url?: string | undefined; to?: readonly string[] | undefined },
): Promise<SealedTarget> {
  const text = webhook.kind === "email" ? (target.to ?? []).join(",") : (target.url ?? "");
  if (webhook.kind === "email") requireMailer(ctx);
  else await requireReachable(ctx, text);
  return {
    targetSealed: makeSealed(
      ctx.config.sealKey,
      { table: "webhook", id: webhook.id, field: "target" },
      new Secret(text),
    ),
    targetShown: makeShown(webhook.kind, text),
  };
}

function requireMailer(ctx: ProcedureContext): void {
  if (ctx.config.smtp !== null) return;
  throw makeValidationError([
    { path: "kind", message: "email needs a mail server: set SMTP_URL and SMTP_FROM; standard and slack need none" },
  ]);
}

async function requireReachable(ctx: ProcedureContext, url: string): Promise<void> {
  try {
    await openEgress(ctx.config.egress).check(url);
  } catch (error) {
    if (!(error instanceof EgressError)) throw error;
    throw makeValidationError([{ path: "url", message: error.message }]);
  }
}

/** A URL's query, and the path of Slack's, are secrets. */
function makeShown(kind: WebhookKind, text: string): string {
  if (kind === "email") return text.replaceAll(",", ", ");
  const { origin, pathname, search } = new URL(text);
  if (kind === "slack") return `${origin}/…`;
  return `${origin}${pathname}${search === "" ? "" : "?…"}`;
}

import type postgres from "postgres";
import { listUnknownWebhooks } from "../../../db/queries/webhooks.ts";
import { listAlertIssues } from "../../core/alert-rule.ts";
import type { AlertBody } from "../../core/alert-schema.ts";
import { makeValidationError } from "../refusal.ts";

/** @throws AppError `validation_failed` where fields do not go together, or a webhook does not exist. */
export async function requireWholeRule(transaction: postgres.TransactionSql, body: AlertBody): Promise<void> {
  const issues = listAlertIssues(body);
  const unknown = await listUnknownWebhooks(transaction, body.webhooks);
  for (const id of unknown) {
    issues.push({ path: `webhooks.${body.webhooks.indexOf(id)}`, message: "must be the id of a webhook that exists" });
  }
  if (issues.length > 0) throw makeValidationError(issues);
}

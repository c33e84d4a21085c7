import { randomBytes } from "node:crypto";
import { listRememberedIncidents, updateIncidents } from "../../db/queries/alert-incidents.ts";
import { findLockedAlertRule, listAlertRules } from "../../db/queries/alert-rules.ts";
import { insertDeliveries, type NewDelivery } from "../../db/queries/webhook-deliveries.ts";
import { type Incident, isActionDue, makeIncidentChanges } from "../../server/core/alert-incident.ts";
import { type AlertBody, alertBody } from "../../server/core/alert-schema.ts";
import { makeWebhookBody } from "../../server/core/webhook-message.ts";
import { triesMs } from "../../server/core/webhook-retry.ts";
import { listFindings } from "../alerts/list-findings.ts";
import { makeAlertMessage } from "../alerts/make-alert-message.ts";
import { releaseThrottles, runAlertAction } from "../alerts/run-alert-action.ts";
import type { WorkerContext } from "../context.ts";
import type { JobTools } from "../registry.ts";

interface Rule {
  id: string;
  body: AlertBody;
}

/**
 * Looks at what each rule looks for. What is new, worse or over is written down in the transaction that puts it into the
 * outbox, so that it is told once, however often this runs and wherever it is killed.
 */
export async function handleEvaluateAlerts({ context, logger, signal, updateProgress }: JobTools) {
  const done = { opened: 0, resolved: 0, announced: 0, actions: 0, released: 0, failed: 0 };
  const rules = await listAlertRules(context.database.sql);
  for (const [index, { id, body }] of rules.entries()) {
    signal.throwIfAborted();
    try {
      const rule = { id, body: alertBody.parse(body) };
      if (rule.body.enabled) {
        const { incidents, announced, opened, resolved } = await evaluateRule(context, rule);
        done.opened += opened;
        done.resolved += resolved;
        done.announced += announced;
        for (const incident of incidents.filter((each) => isActionDue(rule.body, each))) {
          await runAlertAction(context, rule.body, incident);
          done.actions += 1;
        }
      }
    } catch (error) {
      // One rule that fails keeps no other from being looked at.
      done.failed += 1;
      logger.error({ err: error, rule: id }, "An alert rule could not be evaluated");
    }
    await updateProgress(Math.round((100 * (index + 1)) / rules.length));
  }
  done.released = await releaseThrottles(context);
  if (done.failed > 0 && done.failed === rules.length) throw new Error("no alert rule could be evaluated");
  return done;
}

async function evaluateRule(
  { database, clock }: WorkerContext,
  rule: Rule,
): Promise<{ incidents: Incident[]; announced: number; opened: number; resolved: number }> {
  const findings = await listFindings(database.sql, rule.body, clock.nowMs());
  return await database.sql.begin(async (tx) => {
    // One at a time for each rule; a rule that is gone has nothing to say.
    if ((await findLockedAlertRule(tx, rule.id)) === null)
      return { incidents: [], announced: 0, opened: 0, resolved: 0 };
    const nowMs = Math.floor(clock.nowMs());
    const remembered = await listRememberedIncidents(tx, rule.id);
    const changes = makeIncidentChanges(rule, findings, remembered, nowMs, () => makeId("inc_"));
    await updateIncidents(tx, changes.incidents);
    const deliveries = changes.announcements.flatMap((announcement): NewDelivery[] => {
      const message = makeAlertMessage(rule, announcement, nowMs);
      return rule.body.webhooks.map((webhookId) => ({
        id: makeId("msg_"),
        webhookId,
        event: message.type,
        body: makeWebhookBody(message),
        createdAt: new Date(nowMs),
        giveUpAt: new Date(nowMs + triesMs),
      }));
    });
    await insertDeliveries(tx, deliveries);
    return {
      incidents: changes.incidents,
      announced: changes.announcements.length,
      opened: changes.opened.size,
      resolved: changes.incidents.filter(({ resolvedAt }) => resolvedAt?.getTime() === nowMs).length,
    };
  });
}

function makeId(prefix: string): string {
  return prefix + randomBytes(12).toString("hex");
}

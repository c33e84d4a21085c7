import {
  listThrottledIncidents,
  updateIncidentAction,
  updateIncidentReleased,
} from "../../db/queries/alert-incidents.ts";
import { insertAuditEntry } from "../../db/queries/insert-audit-entry.ts";
import { deleteLimitRule, findLockedLimitRule, insertLimitRule } from "../../db/queries/limit-rules.ts";
import { updateApiKey } from "../../db/queries/update-api-key.ts";
import type { Incident } from "../../server/core/alert-incident.ts";
import type { AlertBody } from "../../server/core/alert-schema.ts";
import type { ApiKey } from "../../server/core/api-key.ts";
import { makeApiKeyView } from "../../server/core/api-key-view.ts";
import { makeWireRule, parseWireRule } from "../../server/core/limit-rule.ts";
import type { WorkerContext } from "../context.ts";

const actor = "system:evaluate-alerts";
const place = { ip: "", requestId: "" };
const rulesMax = 10_000;

/** Does to the key of an incident what its rule says, once, with its audit entry in the same transaction. */
export async function runAlertAction(context: WorkerContext, body: AlertBody, incident: Incident): Promise<void> {
  if (incident.publicId === null) return;
  if (body.action === "disable") await disable(context, incident, incident.publicId);
  if (body.action === "throttle") await throttle(context, body, incident, incident.publicId);
}

/** As an operator does it: only an operator enables the key again. */
async function disable({ database, clock }: WorkerContext, incident: Incident, publicId: string): Promise<void> {
  const nowMs = clock.nowMs();
  let before: ApiKey | null = null;
  await updateApiKey(
    database.sql,
    publicId,
    { ownerId: null },
    (key) => {
      if (key.state !== "active") return null;
      before = key;
      return { state: "disabled", operatorHold: true };
    },
    {
      claim: (tx) => updateIncidentAction(tx, incident.id, { action: "disable", at: new Date(nowMs), ruleId: null }),
      async complete(tx, key) {
        if (before === null) return;
        await insertAuditEntry(tx, {
          actor,
          action: "keys.disable",
          objectType: "api_key",
          objectId: key.publicId,
          ownerId: key.ownerId,
          before: makeApiKeyView(before, nowMs),
          after: makeApiKeyView(key, nowMs),
          ...place,
        });
      },
    },
  );
}

/** A rate rule for the key alone, beside all others. It goes when the incident is over. */
async function throttle(
  { database, clock }: WorkerContext,
  body: AlertBody,
  incident: Incident,
  publicId: string,
): Promise<void> {
  const id = `rule_${incident.id.replace(/[^0-9A-Za-z]/g, "")}`;
  const limits = { requests_per_minute: body.throttle_requests_per_minute ?? 0 };
  const rule = makeWireRule(parseWireRule({ always: true, limits, scope: [{ api_key_public_id: publicId }] }));
  await database.sql.begin(async (tx) => {
    const at = new Date(clock.nowMs());
    if (!(await updateIncidentAction(tx, incident.id, { action: "throttle", at, ruleId: id }))) return;
    const draft = { id, kind: "rate" as const, body: rule, createdBy: actor };
    if ((await insertLimitRule(tx, draft, rulesMax)) === null) return;
    const object = { objectType: "limit_rule", objectId: id, ownerId: null };
    await insertAuditEntry(tx, {
      actor,
      action: "rules.create",
      ...object,
      before: null,
      after: { id, ...rule },
      ...place,
    });
  });
}

/** Takes the rate rules away whose incidents are over. @returns how many. */
export async function releaseThrottles({ database }: WorkerContext): Promise<number> {
  let released = 0;
  for (const { id, actionRuleId } of await listThrottledIncidents(database.sql)) {
    await database.sql.begin(async (tx) => {
      await updateIncidentReleased(tx, id);
      const stored = await findLockedLimitRule(tx, "rate", actionRuleId ?? "");
      // An operator has taken it away already.
      if (stored === null) return;
      await deleteLimitRule(tx, stored.id);
      const object = { objectType: "limit_rule", objectId: stored.id, ownerId: null };
      const before = { id: stored.id, ...(stored.body as object) };
      await insertAuditEntry(tx, { actor, action: "rules.delete", ...object, before, after: null, ...place });
      released += 1;
    });
  }
  return released;
}

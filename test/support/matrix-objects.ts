import { randomBytes, randomUUID } from "node:crypto";
import { defaultKeyPrefixes, makeKeyText } from "../../server/core/key-format.ts";
import { type MatrixCell, type MatrixObject, makeCredentialName } from "./authorization-matrix.ts";
import type { GatewayProcess } from "./gateway-process.ts";

/**
 * Makes what a cell of the matrix is called upon.
 *
 * @param memberId the member who is A.
 */
export function openMatrixObjects(
  gateway: GatewayProcess,
  memberId: string,
): (cell: MatrixCell) => Promise<MatrixObject> {
  /** A process that nobody has seen for an hour. */
  const makeProcess = async ({ name }: MatrixCell): Promise<string> => {
    const process = randomUUID();
    if (name !== "limits.writeOff") return process;
    await gateway.database.database
      .sql`insert into budget_process (process, seen_at) values (${process}, now() - interval '1 hour')`;
    return process;
  };

  /** A webhook with a message that was given up, where the call gets as far as that. */
  const makeWebhook = async ({ name, status }: MatrixCell): Promise<{ webhookId: string; deliveryId: string }> => {
    if (!name.startsWith("webhooks.") || status >= 300) return { webhookId: "hook_none", deliveryId: "msg_none" };
    const body = { kind: "standard", name: "Of the matrix", url: "https://93.184.215.14/hook" };
    const made = await gateway.call("POST", "/admin/webhooks", gateway.adminKey, body);
    const { id: webhookId } = (await made.json()) as { id: string };
    const deliveryId = `msg_${randomBytes(12).toString("hex")}`;
    await gateway.database.database.sql`
      insert into webhook_delivery (id, webhook_id, event, body, state, created_at, due_at, give_up_at)
      values (${deliveryId}, ${webhookId}, 'webhook.test', '{}', 'parked', now(), now(), now())`;
    return { webhookId, deliveryId };
  };

  /** An alert rule with a webhook and an incident, where the call gets as far as that. */
  const makeAlert = async (cell: MatrixCell): Promise<{ alertId: string; incidentId: string }> => {
    if (!cell.name.startsWith("alerts.") || cell.status >= 300)
      return { alertId: "alert_none", incidentId: "inc_none" };
    const { webhookId } = await makeWebhook({ ...cell, name: "webhooks.get" });
    const body = { kind: "expiry", name: "Of the matrix", scope: { owner_id: "nobody" }, webhooks: [webhookId] };
    const made = await gateway.call("POST", "/admin/alerts/rules", gateway.adminKey, body);
    const { id: alertId } = (await made.json()) as { id: string };
    const incidentId = `inc_${randomBytes(12).toString("hex")}`;
    await gateway.database.database.sql`
      insert into alert_incident (id, rule_id, subject, title, details, level, opened_at, seen_at)
      values (${incidentId}, ${alertId}, 'x', 'x', '{}', 0, now(), now())`;
    return { alertId, incidentId };
  };

  /** A job that no worker knows, so that none takes it up. */
  const makeJob = async ({ name }: MatrixCell): Promise<string> => {
    if (name !== "jobs.run") return "no-such-job";
    const job = `job-${randomBytes(8).toString("hex").replace(/\d/g, "x")}`;
    await gateway.database.database
      .sql`insert into job_state (job, queue, schedule) values (${job}, 'none', '* * * * *')`;
    return job;
  };

  /** A user that may be deleted, where the call gets as far as that; making one takes a tenth of a second. */
  const findUserId = async ({ name, status }: MatrixCell): Promise<string> => {
    if (!/^users\.(get|update|disable|enable|delete)$/.test(name) || status >= 300) return memberId;
    const email = `${randomUUID()}@example.com`;
    const made = await gateway.call("POST", "/admin/users", gateway.adminKey, { email });
    return ((await made.json()) as { id: string }).id;
  };

  /** A rate rule, a budget or a stored price, where the call gets as far as that. */
  const findLimitId = async ({ name, status }: MatrixCell): Promise<string> => {
    if (/^prices\.(get|delete)$/.test(name) && status < 300) {
      const price = { model: `priced-${randomUUID()}`, input_usd_per_million: "1", output_usd_per_million: "2" };
      const stored = await gateway.call("PUT", "/admin/prices", gateway.adminKey, price);
      return ((await stored.json()) as { id: string }).id;
    }
    const kind = /^(rules|budgets)\.(get|update|delete)$/.exec(name)?.[1];
    if (kind === undefined || status >= 300) return "rule_none";
    const body =
      kind === "rules"
        ? { priority: 1, limits: { requests_per_minute: 1_000_000 }, scope: [{ owner_id: "nobody" }] }
        : { limit_usd: "1000", period: "month", scope: { owner_id: "nobody" } };
    const made = await gateway.call("POST", `/admin/limits/${kind}`, gateway.adminKey, body);
    return ((await made.json()) as { id: string }).id;
  };

  /** A stored credential, where the call gets as far as that; a key pins it where it is to be tried. */
  const findCredentialName = async ({ name, status }: MatrixCell): Promise<string> => {
    if (!/^credentials\.(get|update|delete|test)$/.test(name) || status >= 300) return "none";
    const made = await gateway.call("POST", "/admin/credentials", gateway.adminKey, {
      name: makeCredentialName(),
      secret: "sk-of-the-matrix",
    });
    const stored = (await made.json()) as { name: string };
    if (name === "credentials.test") {
      await gateway.makeKey({ provider_credentials: { echo: stored.name }, permissions: ["ai:inference"] });
    }
    return stored.name;
  };

  /** A new object of A, of B, or none at all; nobody but its owner, the operator and the admin may touch it. */
  const makeObject = async (cell: MatrixCell): Promise<MatrixObject> => {
    if (cell.object === "none") {
      const { text } = makeKeyText("production", defaultKeyPrefixes, randomBytes);
      return {
        publicId: "zzzzzzzzzzzz",
        text,
        ownerId: "owner-none",
        userId: "nobody",
        limitId: "rule_none",
        process: "none",
        credentialName: "none",
        webhookId: "hook_none",
        deliveryId: "msg_none",
        job: "no-such-job",
        alertId: "alert_none",
        incidentId: "inc_none",
      };
    }
    const own = cell.caller === "member" ? memberId : "owner-a";
    const ownerId = cell.object === "own" ? own : "owner-b";
    // It ends before every caller does, so that each could have made it.
    const expiresAt = new Date(Date.now() + 30 * 86_400_000).toISOString();
    const key = await gateway.makeKey({
      owner_id: ownerId,
      permissions: ["ai:inference"],
      expires_at: expiresAt,
      ...(cell.name.startsWith("limits.") ? { budgets: [{ limit_usd: "1", period: "total" }] } : {}),
    });
    return {
      ...key,
      ownerId,
      credentialName: await findCredentialName(cell),
      userId: await findUserId(cell),
      limitId: await findLimitId(cell),
      process: await makeProcess(cell),
      ...(await makeWebhook(cell)),
      job: await makeJob(cell),
      ...(await makeAlert(cell)),
    };
  };

  return makeObject;
}

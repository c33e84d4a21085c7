import { randomBytes, randomUUID } from "node:crypto";

/**
 * Who may do what. A procedure or route without a row here fails the tests.
 *
 * The callers: `nobody` sends no credential; `inference` is a key that may only call models; `usage` and `keys` are keys of
 * the owner A with `admin:usage` and with `admin:keys`; `operator` is a key of nobody, with every permission. `member` is
 * the owner A signed in, `admin` somebody signed in whose role is admin.
 *
 * A cell is the status of REST (tRPC answers 200 for each 2xx): one for all objects, or three: for an object of A, an
 * object of B, and one that does not exist. `200-` answers, holds nothing of the object and changes nothing; `200=`
 * answers for each object of a list, and changes nothing.
 */
const procedureTable = `
procedure           | nobody | inference | usage       | keys           | operator       | member         | admin
keys.create         | 401    | 403       | 403         | 201 403 403    | 201            | 201 403 403    | 201
keys.list           | 401    | 403       | 403         | 200 200- 200-  | 200 200 200-   | 200 200- 200-  | 200 200 200-
keys.get            | 401    | 403       | 403         | 200 404 404    | 200 200 404    | 200 404 404    | 200 200 404
keys.figures        | 401    | 403       | 403         | 200 200- 200-  | 200 200 200-   | 200 200- 200-  | 200 200 200-
keys.options        | 401    | 403       | 403         | 200            | 200            | 200            | 200
keys.update         | 401    | 403       | 403         | 200 404 404    | 200 200 404    | 200 404 404    | 200 200 404
keys.disable        | 401    | 403       | 403         | 200 404 404    | 200 200 404    | 200 404 404    | 200 200 404
keys.enable         | 401    | 403       | 403         | 200 404 404    | 200 200 404    | 200 404 404    | 200 200 404
keys.revoke         | 401    | 403       | 403         | 204 404 404    | 204 204 404    | 204 404 404    | 204 204 404
keys.rotate         | 401    | 403       | 403         | 201 404 404    | 201 201 404    | 201 404 404    | 201 201 404
keys.finishRotation | 401    | 403       | 403         | 200 404 404    | 200 200 404    | 200 404 404    | 200 200 404
keys.import         | 401    | 403       | 403         | 200 200- 200-  | 200            | 403            | 200
keys.bulk           | 401    | 403       | 403         | 200 200= 200=  | 200 200 200=   | 200 200= 200=  | 200 200 200=
keys.leaked         | 401    | 403       | 403         | 200 200- 200-  | 200 200 200-   | 403            | 200 200 200-
audit.list          | 401    | 403       | 403         | 200 200- 200-  | 200 200 200-   | 403            | 200 200 200-
audit.verify        | 401    | 403       | 403         | 403            | 200            | 403            | 200
users.create        | 401    | 403       | 403         | 403            | 201            | 403            | 201
users.list          | 401    | 403       | 403         | 403            | 200            | 403            | 200
users.get           | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
users.update        | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
users.disable       | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
users.enable        | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
users.delete        | 401    | 403       | 403         | 403            | 204 204 404    | 403            | 204 204 404
users.invite        | 401    | 403       | 403         | 403            | 201            | 403            | 201
rules.create        | 401    | 403       | 403         | 403            | 201            | 403            | 201
rules.list          | 401    | 403       | 403         | 403            | 200            | 403            | 200
rules.get           | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
rules.update        | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
rules.delete        | 401    | 403       | 403         | 403            | 204 204 404    | 403            | 204 204 404
budgets.create      | 401    | 403       | 403         | 403            | 201            | 403            | 201
budgets.list        | 401    | 403       | 403         | 403            | 200            | 403            | 200
budgets.get         | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
budgets.update      | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
budgets.delete      | 401    | 403       | 403         | 403            | 204 204 404    | 403            | 204 204 404
limits.listWindows   | 401    | 403       | 403         | 403            | 200 200 200-   | 403            | 200 200 200-
limits.topUp        | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
limits.reset        | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
limits.preview      | 401    | 403       | 403         | 403            | 200            | 403            | 200
limits.listProcesses | 401   | 403       | 403         | 403            | 200            | 403            | 200
limits.writeOff     | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
credentials.create  | 401    | 403       | 403         | 403            | 201            | 403            | 201
credentials.list    | 401    | 403       | 403         | 403            | 200            | 403            | 200
credentials.get     | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
credentials.update  | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
credentials.delete  | 401    | 403       | 403         | 403            | 204 204 404    | 403            | 204 204 404
credentials.test    | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
credentials.rotateSealKey | 401 | 403     | 403         | 403            | 200            | 403            | 200
providers.list      | 401    | 403       | 403         | 403            | 200            | 403            | 200
plans.list          | 401    | 403       | 403         | 200            | 200            | 200            | 200
config.get          | 401    | 403       | 403         | 403            | 200            | 403            | 200
config.reload       | 401    | 403       | 403         | 403            | 200            | 403            | 200
prices.list         | 401    | 403       | 403         | 403            | 200            | 403            | 200
prices.searchCatalogue | 401 | 403       | 403         | 403            | 200            | 403            | 200
prices.get          | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
prices.put          | 401    | 403       | 403         | 403            | 200            | 403            | 200
prices.delete       | 401    | 403       | 403         | 403            | 204 204 404    | 403            | 204 204 404
session.get         | 401    | 403       | 403         | 200            | 200            | 200            | 200
usage.query         | 401    | 403       | 200 404 404 | 403            | 200 200 200-   | 200 404 404    | 200 200 200-
usage.events        | 401    | 403       | 200 404 404 | 403            | 200 200 200-   | 200 404 404    | 200 200 200-
usage.rerate        | 401    | 403       | 403         | 403            | 200            | 403            | 200
usage.reconcile     | 401    | 403       | 403         | 403            | 200            | 403            | 200
usage.reconcileReport | 401  | 403       | 403         | 403            | 200            | 403            | 200
usage.listRerates   | 401    | 403       | 403         | 403            | 200            | 403            | 200
usage.getRerate     | 401    | 403       | 403         | 403            | 404            | 403            | 404
alerts.createRule   | 401    | 403       | 403         | 403            | 201            | 403            | 201
alerts.listRules    | 401    | 403       | 403         | 403            | 200            | 403            | 200
alerts.getRule      | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
alerts.updateRule   | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
alerts.deleteRule   | 401    | 403       | 403         | 403            | 204 204 404    | 403            | 204 204 404
alerts.testRule     | 401    | 403       | 403         | 403            | 202 202 404    | 403            | 202 202 404
alerts.acknowledge  | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
alerts.listIncidents| 401    | 403       | 403         | 403            | 200            | 403            | 200
jobs.list           | 401    | 403       | 403         | 403            | 200            | 403            | 200
jobs.run            | 401    | 403       | 403         | 403            | 202 202 404    | 403            | 202 202 404
webhooks.create     | 401    | 403       | 403         | 403            | 201            | 403            | 201
webhooks.list       | 401    | 403       | 403         | 403            | 200            | 403            | 200
webhooks.get        | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
webhooks.update     | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
webhooks.delete     | 401    | 403       | 403         | 403            | 204 204 404    | 403            | 204 204 404
webhooks.rotateSecret | 401    | 403       | 403         | 403            | 201 201 404    | 403            | 201 201 404
webhooks.test       | 401    | 403       | 403         | 403            | 202 202 404    | 403            | 202 202 404
webhooks.listDeliveries | 401    | 403       | 403         | 403            | 200 200 404    | 403            | 200 200 404
webhooks.replay     | 401    | 403       | 403         | 403            | 202 202 404    | 403            | 202 202 404
webhooks.replayParked | 401  | 403       | 403         | 403            | 202 202 404    | 403            | 202 202 404
`;

/** Everything else that Express routes: the path as its router has it, and a path to try. */
const routeTable = `
route                          | path                     | nobody | inference | usage | keys | operator | member | admin
GET /openapi.json              | /admin/openapi.json      | 200    | 200       | 200   | 200  | 200      | 200    | 200
GET /                          | /admin/docs              | 200    | 200       | 200   | 200  | 200      | 200    | 200
GET /rapidoc.HASH.js           | /admin/docs/rapidoc.js   | 401    | 404       | 404   | 404  | 404      | 404    | 404
POST /api-keys/leaked          | /admin/api-keys/leaked   | 401    | 403       | 403   | 422  | 422      | 403    | 422
GET /usage/export              | /admin/usage/export      | 401    | 403       | 200   | 403  | 200      | 200    | 200
GET /events/export             | /admin/events/export     | 401    | 403       | 200   | 403  | 200      | 200    | 200
GET /events/stream             | /admin/events/stream?status=9 | 401 | 403     | 422   | 403  | 422      | 422    | 422
GET /options                   | /api/auth/options        | 200    | 200       | 200   | 200  | 200      | 200    | 200
GET /livez                     | /livez                   | 200    | 200       | 200   | 200  | 200      | 200    | 200
GET /readyz                    | /readyz                  | 200    | 200       | 200   | 200  | 200      | 200    | 200
GET /health                    | /health                  | 200    | 200       | 200   | 200  | 200      | 200    | 200
GET /status                    | /status                  | 200    | 200       | 200   | 200  | 200      | 200    | 200
GET /metrics                   | /metrics                 | 200    | 200       | 200   | 200  | 200      | 200    | 200
GET /v1/models                 | /v1/models               | 401    | 200       | 403   | 200  | 200      | 401    | 401
GET /v1/models/*id             | /v1/models/none          | 401    | 404       | 403   | 404  | 404      | 401    | 401
POST /v1/chat/completions      | /v1/chat/completions     | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/completions           | /v1/completions          | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/embeddings            | /v1/embeddings           | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/responses             | /v1/responses            | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/images/generations    | /v1/images/generations   | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/images/edits          | /v1/images/edits         | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/images/variations     | /v1/images/variations    | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/audio/speech          | /v1/audio/speech         | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/audio/transcriptions  | /v1/audio/transcriptions | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/audio/translations    | /v1/audio/translations   | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/moderations           | /v1/moderations          | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/rerank                | /v1/rerank               | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/messages              | /v1/messages             | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /v1/messages/count_tokens | /v1/messages/count_tokens | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /inference                | /inference               | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /cloud/ai/infer           | /cloud/ai/infer          | 401    | 400       | 403   | 400  | 400      | 401    | 401
POST /feedback                 | /feedback                | 401    | 404       | 404   | 404  | 404      | 401    | 401
POST /v1/keys/verify           | /v1/keys/verify          | 401    | 403       | 403   | 422  | 422      | 401    | 401
ALL /v1/keys/forward-auth      | /v1/keys/forward-auth    | 401    | 204       | 204   | 204  | 204      | 401    | 401
GET /v1/key                    | /v1/key                  | 401    | 200       | 200   | 200  | 200      | 401    | 401
GET /v1/usage                  | /v1/usage                | 401    | 200       | 200   | 200  | 200      | 401    | 401
`;

export const callerNames = ["nobody", "inference", "usage", "keys", "operator", "member", "admin"] as const;
export type CallerName = (typeof callerNames)[number];

/** Whose object is asked for. */
export const objectNames = ["own", "other", "none"] as const;
export type ObjectName = (typeof objectNames)[number];

/** What an input is made of. */
export interface MatrixObject {
  /** A key's public id. */
  publicId: string;
  /** The key itself. */
  text: string;
  /** A user's id. */
  userId: string;
  /** Of a rate rule, a budget or a stored price. */
  limitId: string;
  ownerId: string;
  /** A process that leases budgets. */
  process: string;
  /** A stored credential of a provider. */
  credentialName: string;
  webhookId: string;
  /** A message to the webhook, which was given up. */
  deliveryId: string;
  job: string;
  alertId: string;
  incidentId: string;
}

/** The input of each procedure that names the object, by path, filter or body. */
export const matrixInputs: Readonly<Record<string, (object: MatrixObject) => Record<string, unknown>>> = {
  "keys.create": ({ ownerId }) => ({ owner_id: ownerId, permissions: ["ai:inference"] }),
  "keys.list": ({ publicId }) => ({ q: publicId }),
  "keys.get": makeReference,
  "keys.figures": ({ publicId }) => ({ public_ids: [publicId] }),
  "keys.options": () => ({}),
  "keys.update": ({ publicId }) => ({ public_id: publicId, name: "changed" }),
  "keys.disable": makeReference,
  "keys.enable": makeReference,
  "keys.revoke": makeReference,
  "keys.rotate": makeReference,
  "keys.finishRotation": makeReference,
  "keys.import": ({ ownerId }) => ({
    keys: [
      { format: "opaque", hash: randomBytes(32).toString("hex"), owner_id: ownerId, permissions: ["ai:inference"] },
    ],
  }),
  "keys.bulk": ({ publicId }) => ({ action: "disable", public_ids: [publicId] }),
  "keys.leaked": ({ text }) => ({ keys: [text] }),
  "users.create": () => ({ email: `${randomUUID()}@example.com`, password: "correct horse battery staple" }),
  "users.list": () => ({}),
  "users.get": makeUserReference,
  "users.update": ({ userId }) => ({ user_id: userId, name: "changed" }),
  "users.disable": makeUserReference,
  "users.enable": makeUserReference,
  "users.delete": makeUserReference,
  "users.invite": () => ({ email: `${randomUUID()}@example.com` }),
  "rules.create": () => ({ priority: 1, limits: { requests_per_minute: 1_000_000 }, scope: [{ owner_id: "nobody" }] }),
  "rules.list": () => ({}),
  "rules.get": makeRuleReference,
  "rules.update": ({ limitId }) => ({ rule_id: limitId, priority: 2 }),
  "rules.delete": makeRuleReference,
  "budgets.create": () => ({ limit_usd: "1000", period: "month", scope: { owner_id: "nobody" } }),
  "budgets.list": () => ({}),
  "budgets.get": makeBudgetReference,
  "budgets.update": ({ limitId }) => ({ budget_id: limitId, limit_usd: "2000" }),
  "budgets.delete": makeBudgetReference,
  "limits.listWindows": ({ publicId }) => ({ level: "key", subject: publicId }),
  "limits.topUp": ({ publicId }) => ({ public_id: publicId, period: "total", amount_usd: "1" }),
  "limits.reset": ({ publicId }) => ({ public_id: publicId, period: "total" }),
  "limits.preview": () => ({ budget: { limit_usd: "1000", period: "month", scope: { owner_id: "nobody" } } }),
  "limits.listProcesses": () => ({}),
  "limits.writeOff": ({ process }) => ({ process }),
  "credentials.create": () => ({ name: makeCredentialName(), secret: "sk-of-the-matrix" }),
  "credentials.list": () => ({}),
  "credentials.get": makeCredentialReference,
  "credentials.update": ({ credentialName }) => ({ credential_name: credentialName, secret: "sk-of-the-matrix-2" }),
  "credentials.delete": makeCredentialReference,
  "credentials.test": ({ credentialName }) => ({ credential_name: credentialName, model: "echo::matrix" }),
  "credentials.rotateSealKey": () => ({}),
  "providers.list": () => ({}),
  "plans.list": () => ({}),
  "config.get": () => ({}),
  "config.reload": () => ({}),
  "prices.list": () => ({}),
  "prices.searchCatalogue": () => ({ q: "gpt" }),
  "prices.get": makePriceReference,
  "prices.put": () => ({ model: "priced", input_usd_per_million: "1", output_usd_per_million: "2" }),
  "prices.delete": makePriceReference,
  "session.get": () => ({}),
  "audit.list": ({ publicId }) => ({ object: publicId }),
  "audit.verify": () => ({}),
  "usage.events": ({ ownerId }) => ({ owner_id: ownerId }),
  "usage.rerate": () => ({ from: "2026-01-01T00:00:00Z", models: ["none"] }),
  "usage.reconcile": () => ({ days: 1 }),
  "usage.reconcileReport": () => ({ days: 1 }),
  "usage.listRerates": () => ({}),
  "usage.getRerate": () => ({ run_id: 999_999_999 }),
  "usage.query": ({ ownerId }) => ({ owner_id: ownerId, group_by: ["key"] }),
  "alerts.createRule": () => ({ kind: "expiry", name: "Made", scope: { owner_id: "nobody" } }),
  "alerts.listRules": () => ({}),
  "alerts.getRule": makeAlertReference,
  "alerts.updateRule": ({ alertId }) => ({ rule_id: alertId, name: "changed" }),
  "alerts.deleteRule": makeAlertReference,
  "alerts.testRule": makeAlertReference,
  "alerts.listIncidents": () => ({}),
  "alerts.acknowledge": ({ incidentId }) => ({ incident_id: incidentId }),
  "jobs.list": () => ({}),
  "jobs.run": ({ job }) => ({ job }),
  "webhooks.create": () => ({ kind: "standard", name: "Made", url: "https://93.184.215.14/hook" }),
  "webhooks.list": () => ({}),
  "webhooks.get": makeWebhookReference,
  "webhooks.update": ({ webhookId }) => ({ webhook_id: webhookId, name: "changed" }),
  "webhooks.delete": makeWebhookReference,
  "webhooks.rotateSecret": makeWebhookReference,
  "webhooks.test": makeWebhookReference,
  "webhooks.listDeliveries": makeWebhookReference,
  "webhooks.replay": ({ webhookId, deliveryId }) => ({ webhook_id: webhookId, delivery_id: deliveryId }),
  "webhooks.replayParked": makeWebhookReference,
};

function makeReference({ publicId }: MatrixObject): Record<string, unknown> {
  return { public_id: publicId };
}

function makeUserReference({ userId }: MatrixObject): Record<string, unknown> {
  return { user_id: userId };
}

function makePriceReference({ limitId }: MatrixObject): Record<string, unknown> {
  return { price_id: limitId.startsWith("price_") ? limitId : "price_none" };
}

function makeRuleReference({ limitId }: MatrixObject): Record<string, unknown> {
  return { rule_id: limitId };
}

function makeAlertReference({ alertId }: MatrixObject): Record<string, unknown> {
  return { rule_id: alertId };
}

/** One that is not taken. */
export function makeCredentialName(): string {
  return `matrix-${randomBytes(6).toString("hex")}`;
}

function makeCredentialReference({ credentialName }: MatrixObject): Record<string, unknown> {
  return { credential_name: credentialName };
}

function makeWebhookReference({ webhookId }: MatrixObject): Record<string, unknown> {
  return { webhook_id: webhookId };
}

function makeBudgetReference({ limitId }: MatrixObject): Record<string, unknown> {
  return { budget_id: limitId };
}

export interface MatrixCell {
  name: string;
  caller: CallerName;
  object: ObjectName;
  status: number;
  /** The answer may hold the object. */
  shows: boolean;
  /** The call may change something. */
  changes: boolean;
}

/** Every cell of the procedures' table. @throws where a row is not complete. */
export function listProcedureCells(text: string = procedureTable): MatrixCell[] {
  return parseTable(text).flatMap(({ name, cells }) =>
    callerNames.flatMap((caller) => {
      const words = (cells.get(caller) ?? "").split(/\s+/);
      return objectNames.map((object, index): MatrixCell => {
        const word = words.length === 1 ? words[0] : words[index];
        const match = /^(\d{3})([-=]?)$/.exec(word ?? "");
        if (match === null) throw new Error(`${name}, ${caller}, ${object}: ${word} is no status`);
        return { name, caller, object, status: Number(match[1]), shows: match[2] !== "-", changes: match[2] === "" };
      });
    }),
  );
}

/** Every cell of the routes' table. */
export function listRouteCells(): { name: string; path: string; caller: CallerName; status: number }[] {
  return parseTable(routeTable).flatMap(({ name, cells }) =>
    callerNames.map((caller) => ({
      name,
      path: cells.get("path") ?? "",
      caller,
      status: Number(cells.get(caller)),
    })),
  );
}

function parseTable(text: string): { name: string; cells: Map<string, string> }[] {
  const [head = [], ...rows] = text
    .trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()));
  return rows.map((row) => ({
    name: row[0] ?? "",
    cells: new Map(head.map((title, index) => [title, row[index] ?? ""])),
  }));
}

/** What has no row, and what has one and is not there. */
export function findMatrixGaps(rows: readonly string[], real: readonly string[]): string[] {
  return [
    ...real.filter((name) => !rows.includes(name)).map((name) => `${name} has no row`),
    ...rows.filter((name) => !real.includes(name)).map((name) => `${name} does not exist`),
  ];
}

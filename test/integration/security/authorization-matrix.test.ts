import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultKeyPrefixes, makeKeyText } from "../../../server/core/key-format.ts";
import {
  type AdminRequest,
  getRestRoute,
  makeRestRequest,
  makeTrpcRequest,
  procedures,
  restRoutes,
  sendAdminRequest,
} from "../../support/admin-operation.ts";
import {
  type CallerName,
  callerNames,
  findMatrixGaps,
  listProcedureCells,
  listRouteCells,
  type MatrixCell,
  type MatrixObject,
  makeCredentialName,
  matrixInputs,
  objectNames,
} from "../../support/authorization-matrix.ts";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { openUsersGateway, signIn, signUp, testPassword } from "../../support/users-harness.ts";

/** BARS.md B1. */
const cells = listProcedureCells();
let gateway: GatewayProcess;
let callers: Record<CallerName, Record<string, string>>;
/** The member who is A. */
let memberId: string;

beforeAll(async () => {
  gateway = await openUsersGateway("[plans.free]\nkeys = 100_000\n");
  const bearer = async (properties: Record<string, unknown>) => ({
    authorization: `Bearer ${(await gateway.makeKey(properties)).text}`,
  });
  const member = await signUp(gateway.url);
  memberId = member.id;
  const adminEmail = "admin@example.com";
  const made = await gateway.call("POST", "/admin/users", gateway.adminKey, {
    email: adminEmail,
    role: "admin",
    password: testPassword,
  });
  if (made.status !== 201) throw new Error(await made.text());
  const admin = await signIn(gateway.url, adminEmail);
  callers = {
    nobody: {},
    inference: await bearer({ permissions: ["ai:inference"], owner_id: "owner-a" }),
    usage: await bearer({ permissions: ["admin:usage"], owner_id: "owner-a" }),
    keys: await bearer({ permissions: ["admin:keys", "ai:inference"], owner_id: "owner-a" }),
    operator: await bearer({ permissions: ["*"] }),
    member: { cookie: member.cookie, origin: gateway.url },
    admin: { cookie: admin.cookie, origin: gateway.url },
  };
});
afterAll(() => gateway.close());

/** A new object of A, of B, or none at all; nobody but its owner, the operator and the admin may touch it. */
async function makeObject(cell: MatrixCell): Promise<MatrixObject> {
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
}

/** A process that nobody has seen for an hour. */
async function makeProcess({ name }: MatrixCell): Promise<string> {
  const process = randomUUID();
  if (name !== "limits.writeOff") return process;
  await gateway.database.database
    .sql`insert into budget_process (process, seen_at) values (${process}, now() - interval '1 hour')`;
  return process;
}

/** A webhook with a message that was given up, where the call gets as far as that. */
async function makeWebhook({ name, status }: MatrixCell): Promise<{ webhookId: string; deliveryId: string }> {
  if (!name.startsWith("webhooks.") || status >= 300) return { webhookId: "hook_none", deliveryId: "msg_none" };
  const body = { kind: "standard", name: "Of the matrix", url: "https://93.184.215.14/hook" };
  const made = await gateway.call("POST", "/admin/webhooks", gateway.adminKey, body);
  const { id: webhookId } = (await made.json()) as { id: string };
  const deliveryId = `msg_${randomBytes(12).toString("hex")}`;
  await gateway.database.database.sql`
    insert into webhook_delivery (id, webhook_id, event, body, state, created_at, due_at, give_up_at)
    values (${deliveryId}, ${webhookId}, 'webhook.test', '{}', 'parked', now(), now(), now())`;
  return { webhookId, deliveryId };
}

/** An alert rule with a webhook and an incident, where the call gets as far as that. */
async function makeAlert(cell: MatrixCell): Promise<{ alertId: string; incidentId: string }> {
  if (!cell.name.startsWith("alerts.") || cell.status >= 300) return { alertId: "alert_none", incidentId: "inc_none" };
  const { webhookId } = await makeWebhook({ ...cell, name: "webhooks.get" });
  const body = { kind: "expiry", name: "Of the matrix", scope: { owner_id: "nobody" }, webhooks: [webhookId] };
  const made = await gateway.call("POST", "/admin/alerts/rules", gateway.adminKey, body);
  const { id: alertId } = (await made.json()) as { id: string };
  const incidentId = `inc_${randomBytes(12).toString("hex")}`;
  await gateway.database.database.sql`
    insert into alert_incident (id, rule_id, subject, title, details, level, opened_at, seen_at)
    values (${incidentId}, ${alertId}, 'x', 'x', '{}', 0, now(), now())`;
  return { alertId, incidentId };
}

/** A job that no worker knows, so that none takes it up. */
async function makeJob({ name }: MatrixCell): Promise<string> {
  if (name !== "jobs.run") return "no-such-job";
  const job = `job-${randomBytes(8).toString("hex").replace(/\d/g, "x")}`;
  await gateway.database.database
    .sql`insert into job_state (job, queue, schedule) values (${job}, 'none', '* * * * *')`;
  return job;
}

/** A user that may be deleted, where the call gets as far as that; making one takes a tenth of a second. */
async function findUserId({ name, status }: MatrixCell): Promise<string> {
  if (!/^users\.(get|update|disable|enable|delete)$/.test(name) || status >= 300) return memberId;
  const email = `${randomUUID()}@example.com`;
  const made = await gateway.call("POST", "/admin/users", gateway.adminKey, { email });
  return ((await made.json()) as { id: string }).id;
}

/** A rate rule, a budget or a stored price, where the call gets as far as that. */
async function findLimitId({ name, status }: MatrixCell): Promise<string> {
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
}

/** A stored credential, where the call gets as far as that; a key pins it where it is to be tried. */
async function findCredentialName({ name, status }: MatrixCell): Promise<string> {
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
}

/** All that a call could have changed. */
async function loadState(): Promise<string> {
  const { sql } = gateway.database.database;
  const keys = await sql`
    select public_id, alias, name, state, owner_id, permissions, version, rotated_at from api_key order by public_id`;
  const secrets = await sql`select public_id, count(*) as n from api_key_secret group by public_id order by public_id`;
  const users = await sql`select * from app_user order by id`;
  const limits = await sql`select * from limit_rule order by id`;
  const prices = await sql`select * from model_price order by id`;
  const windows = await sql`select window_id, extra_nano_usd from budget_window order by window_id`;
  const credentials = await sql`select * from provider_credential order by name`;
  const processes = await sql`select process, closed_at from budget_process order by process`;
  const webhooks = await sql`select * from webhook order by id`;
  const alerts = await sql`select * from alert_rule order by id`;
  const incidents = await sql`select id, acknowledged_at from alert_incident order by id`;
  const jobs = await sql`select job, requested_at from job_state order by job`;
  const deliveries = await sql`select id, state from webhook_delivery order by id`;
  const more = [prices, windows, processes, webhooks, deliveries, jobs, credentials, alerts, incidents];
  return JSON.stringify([keys, secrets, users, limits, ...more]);
}

/** One call of a cell, and what must come of it. */
interface Probe {
  place: string;
  cell: MatrixCell;
  object: MatrixObject;
  request: AdminRequest;
  status: number;
}

const isAllowed = ({ status }: MatrixCell): boolean => status < 300;
const queries = new Set(procedures.filter(({ type }) => type === "query").map(({ name }) => name));
const mayChange = (cell: MatrixCell): boolean => isAllowed(cell) && cell.changes && !queries.has(cell.name);

function makeProbe(cell: MatrixCell, surface: "REST" | "tRPC", object: MatrixObject): Probe {
  const makeInput = matrixInputs[cell.name];
  if (makeInput === undefined) throw new Error(`${cell.name} has no input`);
  const input = makeInput(object);
  return {
    place: `${surface} ${cell.name} by ${cell.caller} on ${cell.object}`,
    cell,
    object,
    request: surface === "REST" ? makeRestRequest(getRestRoute(cell.name), input) : makeTrpcRequest(cell.name, input),
    status: isAllowed(cell) && surface === "tRPC" ? 200 : cell.status,
  };
}

async function send({ place, cell, object, request, status }: Probe): Promise<void> {
  const answer = await sendAdminRequest(gateway.url, request, callers[cell.caller]);
  expect([place, answer.status], answer.text).toEqual([place, status]);
  const isShown = answer.text.includes(object.publicId);
  expect([place, isShown && !(isAllowed(cell) && cell.shows)]).toEqual([place, false]);
}

/** Sends what must change nothing all at once, on objects that they share; where something changed, one by one to find which did it. */
async function checkQuiet(cells: readonly MatrixCell[], surface: "REST" | "tRPC"): Promise<void> {
  const objects = new Map<string, MatrixObject>();
  const probes: Probe[] = [];
  for (const cell of cells) {
    const kind = `${cell.object} ${cell.caller === "member"} ${isAllowed(cell)}`;
    const object = objects.get(kind) ?? (await makeObject(cell));
    objects.set(kind, object);
    probes.push(makeProbe(cell, surface, object));
  }
  const before = await loadState();
  await Promise.all(probes.map(send));
  if ((await loadState()) === before) return;
  for (const probe of probes) {
    const last = await loadState();
    await send(probe);
    expect([probe.place, (await loadState()) === last]).toEqual([probe.place, true]);
  }
  throw new Error(`one of these changed something, once: ${probes.map(({ place }) => place).join(", ")}`);
}

async function check(cells: readonly MatrixCell[]): Promise<void> {
  for (const surface of ["REST", "tRPC"] as const) {
    const own = cells.filter(({ name }) => surface === "tRPC" || restRoutes.some((route) => route.name === name));
    await checkQuiet(
      own.filter((cell) => !mayChange(cell)),
      surface,
    );
    for (const cell of own.filter(mayChange)) await send(makeProbe(cell, surface, await makeObject(cell)));
  }
}

describe("who may do what", () => {
  it("every procedure has a row, and an input for it", () => {
    const names = procedures.map(({ name }) => name);
    expect(findMatrixGaps([...new Set(cells.map(({ name }) => name))], names)).toEqual([]);
    expect(findMatrixGaps(Object.keys(matrixInputs), names)).toEqual([]);
    expect(cells).toHaveLength(names.length * callerNames.length * objectNames.length);
  });

  it("every route of Express has a row", async () => {
    const real = (await gateway.listRoutes())
      .map((route) => route.replace(/\.[0-9a-f]{16}\./, ".HASH."))
      // Answers the browser's question before the call, for the paths that have a row of their own; OpenAI's prefix is the same handler.
      .filter((route) => !route.startsWith("OPTIONS ") && !route.includes("/openai/"));
    expect(findMatrixGaps([...new Set(listRouteCells().map(({ name }) => name))], real)).toEqual([]);
  });

  it.each(procedures)("$name", async ({ name }) => {
    const own = cells.filter((cell) => cell.name === name);
    expect(own.length).toBeGreaterThan(0);
    await check(own);
  });

  it.each(listRouteCells())("$name by $caller: $status", async ({ name, path, caller, status }) => {
    const method = (name.split(" ")[0] ?? "").replace("ALL", "GET");
    const headers = method === "POST" ? { "content-type": "application/json" } : {};
    const request = { method, path, headers, ...(method === "POST" ? { body: "{}" } : {}) };
    expect((await sendAdminRequest(gateway.url, request, callers[caller])).status).toBe(status);
  });

  it("the check sees a procedure without a row, a row without a procedure, and a wrong cell", async () => {
    expect(findMatrixGaps(["keys.get"], ["keys.get", "keys.steal"])).toEqual(["keys.steal has no row"]);
    expect(findMatrixGaps(["keys.get", "keys.gone"], ["keys.get"])).toEqual(["keys.gone does not exist"]);
    const head = `procedure | ${callerNames.join(" | ")}`;
    expect(() => listProcedureCells(`${head}\nkeys.get | 401 | 403 | 403 | 200 404 | 200 | 200 | 200`)).toThrow(
      "is no status",
    );
    const planted = listProcedureCells(`${head}\nkeys.get | 401 | 403 | 403 | 200 200 404 | 200 | 200 | 200`);
    const other = planted.find(({ caller, object }) => caller === "keys" && object === "other") as MatrixCell;
    await expect(check([other])).rejects.toThrow("Not found.");
    const changing = cells.find(({ name, caller }) => name === "keys.disable" && caller === "operator") as MatrixCell;
    await expect(check([{ ...changing, changes: false }])).rejects.toThrow("keys.disable by operator on own");
  });
});

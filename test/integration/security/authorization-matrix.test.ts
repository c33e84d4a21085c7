import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
  matrixInputs,
  objectNames,
} from "../../support/authorization-matrix.ts";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { openMatrixObjects } from "../../support/matrix-objects.ts";
import { openUsersGateway, signIn, signUp, testPassword } from "../../support/users-harness.ts";

/** BARS.md B1. */
const cells = listProcedureCells();
let gateway: GatewayProcess;
let callers: Record<CallerName, Record<string, string>>;
let makeObject: (cell: MatrixCell) => Promise<MatrixObject>;

beforeAll(async () => {
  gateway = await openUsersGateway("[plans.free]\nkeys = 100_000\n");
  const bearer = async (properties: Record<string, unknown>) => ({
    authorization: `Bearer ${(await gateway.makeKey(properties)).text}`,
  });
  const member = await signUp(gateway.url);
  makeObject = openMatrixObjects(gateway, member.id);
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

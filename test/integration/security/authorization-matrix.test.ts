import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
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
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";

/** BARS.md B1. */
const cells = listProcedureCells();
let gateway: GatewayProcess;
let callers: Record<CallerName, Record<string, string>>;

beforeAll(async () => {
  gateway = await openGatewayProcess();
  const bearer = async (properties: Record<string, unknown>) => ({
    authorization: `Bearer ${(await gateway.makeKey(properties)).text}`,
  });
  callers = {
    nobody: {},
    inference: await bearer({ permissions: ["ai:inference"], owner_id: "owner-a" }),
    usage: await bearer({ permissions: ["admin:usage"], owner_id: "owner-a" }),
    keys: await bearer({ permissions: ["admin:keys", "ai:agents"], owner_id: "owner-a" }),
    operator: await bearer({ permissions: ["*"] }),
  };
});
afterAll(() => gateway.close());

/** A new object of A, of B, or none at all; nobody but its owner and the operator may touch it. */
async function makeObject(cell: MatrixCell): Promise<MatrixObject> {
  if (cell.object === "none") return { publicId: "zzzzzzzzzzzz", ownerId: "owner-none" };
  const ownerId = cell.object === "own" ? "owner-a" : "owner-b";
  const { publicId } = await gateway.makeKey({ owner_id: ownerId, permissions: ["ai:agents"] });
  return { publicId, ownerId };
}

/** All that a call could have changed. */
async function loadState(): Promise<string> {
  const { sql } = gateway.database.database;
  const keys = await sql`
    select public_id, alias, name, state, owner_id, permissions, version, rotated_at from api_key order by public_id`;
  const secrets = await sql`select public_id, count(*) as n from api_key_secret group by public_id order by public_id`;
  return JSON.stringify([keys, secrets]);
}

async function check(cell: MatrixCell): Promise<void> {
  const makeInput = matrixInputs[cell.name];
  if (makeInput === undefined) throw new Error(`${cell.name} has no input`);
  for (const surface of ["REST", "tRPC"] as const) {
    if (surface === "REST" && !restRoutes.some((route) => route.name === cell.name)) continue;
    const object = await makeObject(cell);
    const input = makeInput(object);
    const request =
      surface === "REST" ? makeRestRequest(getRestRoute(cell.name), input) : makeTrpcRequest(cell.name, input);
    const before = await loadState();
    const answer = await sendAdminRequest(gateway.url, request, callers[cell.caller]);
    const isAllowed = cell.status < 300;
    const status = isAllowed && surface === "tRPC" ? 200 : cell.status;
    const place = `${surface} ${cell.name} by ${cell.caller} on ${cell.object}`;
    expect([place, answer.status], answer.text).toEqual([place, status]);
    if (!isAllowed || !cell.changes) expect([place, await loadState()]).toEqual([place, before]);
    if (!cell.shows || !isAllowed) expect([place, answer.text.includes(object.publicId)]).toEqual([place, false]);
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
    for (const cell of own) await check(cell);
  });

  it.each(listRouteCells())("$name by $caller: $status", async ({ name, path, caller, status }) => {
    const [method = ""] = name.split(" ");
    const headers = method === "POST" ? { "content-type": "application/json" } : {};
    const request = { method, path, headers, ...(method === "POST" ? { body: "{}" } : {}) };
    expect((await sendAdminRequest(gateway.url, request, callers[caller])).status).toBe(status);
  });

  it("the check sees a procedure without a row, a row without a procedure, and a wrong cell", async () => {
    expect(findMatrixGaps(["keys.get"], ["keys.get", "keys.steal"])).toEqual(["keys.steal has no row"]);
    expect(findMatrixGaps(["keys.get", "keys.gone"], ["keys.get"])).toEqual(["keys.gone does not exist"]);
    const head = `procedure | ${callerNames.join(" | ")}`;
    expect(() => listProcedureCells(`${head}\nkeys.get | 401 | 403 | 403 | 200 404 | 200`)).toThrow("is no status");
    const planted = listProcedureCells(`${head}\nkeys.get | 401 | 403 | 403 | 200 200 404 | 200 200 404`);
    const other = planted.find(({ caller, object }) => caller === "keys" && object === "other") as MatrixCell;
    await expect(check(other)).rejects.toThrow("Not found.");
  });
});

import { request } from "node:http";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { makeSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import { makeSqlPayload } from "../../support/sql-payloads.ts";

/**
 * BARS.md C1. Statements are read off the wire. An error of PostgreSQL that no test expects, as 42601 would be, fails the
 * run (see support/global-setup.ts).
 */
const payloadsPerPlace = process.env.TEST_TIER === "full" ? 100_000 : 25;

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openGatewayProcess({ keepOutput: false });
});
afterAll(() => gateway.close());

interface Call {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
}

function send(call: Call, key: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const body = call.body === undefined ? "" : JSON.stringify(call.body);
    const outgoing = request(
      `${gateway.url}${call.path}`,
      {
        method: call.method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
          ...call.headers,
        },
      },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode ?? 0));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

interface Parameter {
  name: string;
  in: string;
  schema?: { type?: string };
}
interface Operation {
  parameters?: Parameter[];
}

/** One way in for each parameter of each question of the admin API, as its document lists them. */
async function listAdminPlaces(): Promise<Record<string, (text: string) => Call>> {
  const answer = await gateway.call("GET", "/admin/openapi.json", gateway.adminKey);
  const document = (await answer.json()) as { paths: Record<string, Record<string, Operation>> };
  const places: Record<string, (text: string) => Call> = {};
  for (const [route, operations] of Object.entries(document.paths)) {
    // Does not end; its filters are those of the list of events, and never reach a statement.
    if (route.endsWith("/events/stream")) continue;
    for (const [method, { parameters = [] }] of Object.entries(operations)) {
      for (const { name, in: where } of parameters) {
        const path = `/admin${route.replace(/^\/admin/, "").replaceAll(/\{[a-z_]+\}/g, "zzzzzzzzzzzz")}`;
        places[`${method} ${route} ${where} ${name}`] = (text) => {
          const value = encodeURIComponent(text);
          const verb = method.toUpperCase();
          if (where === "path")
            return { method: verb, path: `/admin${route.replace(/^\/admin/, "").replaceAll(/\{[a-z_]+\}/g, value)}` };
          if (where === "header") return { method: verb, path, headers: { [name]: encodeURI(text) } };
          return {
            method: verb,
            path: `${path}?${name}=${value}&${name}[${value}]=${value}`.replace(
              name === "tag" ? `tag=${value}&` : `&${name}[${value}]=${value}`,
              "",
            ),
          };
        };
      }
    }
  }
  return places;
}

/** Header text that Node sends as it is. */
const makeHeader = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?");
const list = "/admin/api-keys";
const chat = { model: "echo::x", messages: [{ role: "user", content: "hi" }] };
const makeCursor = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

const places: Record<string, (text: string) => Call> = {
  "a cursor's instant": (text) => ({ method: "GET", path: `${list}?cursor=${makeCursor([text, "zzzzzzzzzzzz"])}` }),
  "a cursor's id": (text) => ({
    method: "GET",
    path: `${list}?cursor=${makeCursor(["2027-01-01T00:00:00.000Z", text])}`,
  }),
  "a filter of a tag": (text) => ({ method: "GET", path: `${list}?tag[a]=${encodeURIComponent(text)}` }),
  "a sort that there is not": (text) => ({ method: "GET", path: `${list}?sort=${encodeURIComponent(text)}` }),
  "groups by tag": (text) => ({ method: "GET", path: `/admin/usage?group_by=${encodeURIComponent(`tag:${text}`)}` }),
  "a new key's texts": (text) => ({
    method: "POST",
    path: list,
    body: {
      name: text.slice(0, 200),
      description: text,
      tags: { a: text },
      owner_id: text.slice(0, 128),
      models: ["*"],
      provider_credentials: { openai: text },
    },
  }),
  "a new key's lists": (text) => ({
    method: "POST",
    path: list,
    body: {
      permissions: [text],
      models: [text],
      allowed_ips: [text],
      budgets: [{ limit_usd: text, period: text, timezone: text }],
    },
  }),
  "a create's idempotency key": (text) => ({
    method: "POST",
    path: list,
    body: {},
    headers: { "idempotency-key": makeHeader(text) },
  }),
  "a change": (text) => ({
    method: "PATCH",
    path: `${list}/zzzzzzzzzzzz`,
    body: { name: text, alias: text, tags: { [text]: text } },
    headers: { "if-match": makeHeader(text) },
  }),
  "a bearer": (text) => ({
    method: "GET",
    path: "/v1/models",
    headers: { authorization: `Bearer ${makeHeader(text)}` },
  }),
  "an api key header": (text) => ({ method: "GET", path: "/v1/models", headers: { "x-api-key": makeHeader(text) } }),
  "headers of a call": (text) => {
    const value = makeHeader(text);
    return {
      method: "POST",
      path: "/v1/chat/completions",
      body: chat,
      headers: {
        origin: value,
        referer: value,
        "user-agent": value,
        "x-request-id": value,
        "x-forwarded-for": value,
        cookie: value,
        "openai-organization": value,
      },
    };
  },
  "tags of a call": (text) => ({ method: "POST", path: "/v1/chat/completions", body: { ...chat, tags: { a: text } } }),
  "tag header of a call": (text) => ({
    method: "POST",
    path: "/v1/chat/completions",
    body: chat,
    headers: { "x-tollgate-tags": `a=${makeHeader(text)}` },
  }),
  "a model": (text) => ({ method: "POST", path: "/v1/chat/completions", body: { ...chat, model: text } }),
  "a built-in model": (text) => ({
    method: "POST",
    path: "/v1/chat/completions",
    body: { ...chat, model: `echo::${text}` },
  }),
  "texts of a call": (text) => ({
    method: "POST",
    path: "/v1/chat/completions",
    body: { ...chat, user: text, messages: [{ role: text, content: text }] },
  }),
  "a model's path": (text) => ({ method: "GET", path: `/v1/models/${encodeURIComponent(text)}` }),
  "a question about a key": (text) => ({
    method: "POST",
    path: "/v1/keys/verify",
    body: { key: text, permissions: [text], model: text, ip: text, origin: text },
  }),
  "a sign-in": (text) => ({
    method: "POST",
    path: "/api/auth/sign-in/email",
    body: { email: `${text}@example.com`, password: text },
  }),
};

interface Outcome {
  sent: number;
  statuses: Record<string, number>;
  failures: string[];
}

async function attack(
  name: string,
  place: (text: string) => Call,
  random: SeededRandom,
  outcome: Outcome,
): Promise<void> {
  const key = gateway.adminKey;
  for (let left = payloadsPerPlace; left > 0; left -= 20) {
    const batch = Array.from({ length: Math.min(left, 20) }, () => makeSqlPayload(random));
    const answers = await Promise.all(batch.map(({ text }) => send(place(text), key)));
    outcome.sent += batch.length;
    for (const [index, status] of answers.entries()) {
      outcome.statuses[status] = (outcome.statuses[status] ?? 0) + 1;
      // A process makes two exports at once; the third is told to come again.
      const isFull = status === 503 && name.includes("/export ");
      if ((status >= 500 && !isFull) || status === 0)
        outcome.failures.push(`${name}: ${status}: ${batch[index]?.text}`);
    }
    findMarks(gateway.tap.statements.splice(0), batch, (text) => outcome.failures.push(`${name}: ${text}`));
  }
}

/** Tells of every statement that has the mark of a payload in its text. */
function findMarks(
  statements: readonly string[],
  batch: readonly { mark: string }[],
  tell: (text: string) => void,
): void {
  const all = statements.join("\n").toLowerCase();
  for (const { mark } of batch) if (all.includes(mark)) tell(`${mark} is in the text of a statement`);
}

test("no text of a request gets into a statement, and none makes PostgreSQL fail", async () => {
  const random = makeSeededRandom();
  const outcome: Outcome = { sent: 0, statuses: {}, failures: [] };
  const everywhere = { ...(await listAdminPlaces()), ...places };
  for (const [name, place] of Object.entries(everywhere)) await attack(name, place, random, outcome);
  console.info(
    `C1: seed ${random.seed}, ${outcome.sent} payloads in ${Object.keys(everywhere).length} places`,
    JSON.stringify(outcome.statuses),
  );
  expect(outcome.failures.slice(0, 20)).toEqual([]);
  expect(Object.keys(everywhere).length).toBeGreaterThan(30);
  expect(outcome.statuses["200"]).toBeGreaterThan(100);
  expect(outcome.statuses["201"]).toBeGreaterThan(10);
  // It all went somewhere: the payloads that are allowed are stored as they came.
  const [row] = await gateway.database.database
    .sql`select count(*)::int as n from api_key where description like '%zq%'`;
  expect(row?.n).toBeGreaterThan(10);
}, 36_000_000);

test("a payload in a statement is seen, and a broken statement answers 42601", async () => {
  const sql = postgres(gateway.tap.url, { max: 1 });
  const payload = makeSqlPayload(makeSeededRandom());
  const seen: string[] = [];
  gateway.tap.statements.length = 0;
  await sql`select ${payload.text}::text`;
  findMarks(gateway.tap.statements, [payload], (text) => seen.push(text));
  expect(seen).toEqual([]);
  await sql.unsafe(`select '${payload.mark}'`);
  findMarks(gateway.tap.statements, [payload], (text) => seen.push(text));
  expect(seen).toHaveLength(1);
  expectPostgresLog(/planted_here/);
  await expect(sql.unsafe(`select from from planted_here '${payload.mark}'`)).rejects.toMatchObject({ code: "42601" });
  await sql.end();
});

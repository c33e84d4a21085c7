import fc from "fast-check";
import { Pool } from "undici";
import { expect } from "vitest";
import { makeOpenApiDocument } from "../../server/admin/openapi-document.ts";
import { type AdminHarness, openAdminHarness } from "./admin-harness.ts";
import type { AdminRequest } from "./admin-operation.ts";
import { makeOpenApiAnswers, type OpenApiAnswer } from "./openapi-answers.ts";
import { makeInvalidRequest } from "./openapi-faults.ts";
import {
  listOperations,
  makeRequest,
  makeValidRequests,
  type Operation,
  type RequestParts,
} from "./openapi-requests.ts";
import { makeOpenApiSamples } from "./openapi-samples.ts";
import { runBatches } from "./run-batches.ts";
import { makeSeededRandom } from "./seeded-random.ts";

/** BARS.md I4. */
const count = process.env.TEST_TIER === "full" ? 10_000 : 30;
const document = makeOpenApiDocument("0.0.0", "");
const { compile, findProblem } = makeOpenApiAnswers(document);
const operations = listOperations(document);

/** Each of their objects, six at least, is gone or taken after one call: however many are sent, no more can succeed. */
const usesUp = /^(delete|acknowledgeAlertIncident$|runJob$|replayWebhookDelivery$|writeOffBudgetProcess$)/;

const { seed } = makeSeededRandom();

/** The admin surface on a database of its own, and somebody with every permission. */
interface Surface {
  admin: AdminHarness;
  root: Record<string, string>;
  send(request: AdminRequest, caller: Readonly<Record<string, string>>): Promise<OpenApiAnswer>;
  close(): Promise<void>;
}

async function openSurface(): Promise<Surface> {
  const admin = await openAdminHarness({}, { keepsCallers: true });
  // Nothing that is made here outlives it: a key gives no more time than it has.
  const expiresAt = new Date(Date.now() + 364 * 86_400_000).toISOString();
  const { text } = await admin.makeKey({ permissions: ["*"], expires_at: expiresAt });
  // A third of what `fetch` costs.
  const pool = new Pool(admin.url, { connections: 16 });
  return {
    admin,
    root: { authorization: `Bearer ${text}` },
    async send({ method, path, headers, body }, caller) {
      const answer = await pool.request({ method, path, headers: { ...headers, ...caller }, body: body ?? null });
      const contentType = answer.headers["content-type"];
      return {
        status: answer.statusCode,
        contentType: typeof contentType === "string" ? contentType : null,
        text: await answer.body.text(),
      };
    },
    async close() {
      await pool.close();
      await admin.close();
    },
  };
}

/** Those with one of these methods. */
export function listOperationsBy(...methods: string[]): Operation[] {
  return operations.filter(({ method }) => methods.includes(method));
}

/**
 * Sends generated requests to one operation, on a surface of its own, so that no list grows with the tests: valid ones,
 * broken ones, and one with each wrong credential.
 */
export async function expectConformance(operation: Operation): Promise<void> {
  const surface = await openSurface();
  try {
    const requests = makeValidRequests(operation, await makeOpenApiSamples(surface.admin, operation));
    await expectValidAnswered(surface, operation, requests);
    await expectInvalidRefused(surface, operation, requests);
    await expectStrangersRefused(surface, operation, requests);
  } finally {
    await surface.close();
  }
}

/** Sends requests, sixteen at a time. @returns how often each status came, and what was wrong. */
async function sendAll(
  surface: Surface,
  operation: Operation,
  requests: readonly { parts: RequestParts; fault?: string }[],
) {
  const statuses: Record<number, number> = {};
  const problems: string[] = [];
  await runBatches(requests, 16, async ({ parts, fault }) => {
    const request = makeRequest(operation, parts);
    const answer = await surface.send(request, surface.root);
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    const problem = findProblem(operation, answer);
    if (problem !== "") problems.push(`${JSON.stringify(request)} -> ${problem}`);
    if (fault !== undefined && answer.status < 400) problems.push(`${fault} accepted: ${JSON.stringify(request)}`);
  });
  console.info(`I4 seed ${seed} ${operation.id}: ${JSON.stringify(statuses)}`);
  return { statuses, problems };
}

async function expectValidAnswered(
  surface: Surface,
  operation: Operation,
  requests: fc.Arbitrary<RequestParts>,
): Promise<void> {
  // Hashing a password takes a tenth of a second, on purpose.
  const body = operation.operation.requestBody?.content["application/json"]?.schema;
  const numRuns = "password" in (body?.properties ?? {}) ? Math.ceil(count / 5) : count;
  const needed = usesUp.test(operation.id) ? Math.min(numRuns / 50, 3) : numRuns / 50;
  let succeeded = 0;
  // Of some fields only one may be given: of few requests it can be that none succeeds.
  for (let round = 0; round === 0 || (succeeded <= needed && round < 10); round++) {
    const generated = fc.sample(requests, { numRuns, seed: seed + round });
    const { statuses, problems } = await sendAll(
      surface,
      operation,
      generated.map((parts) => ({ parts })),
    );
    expect(problems.slice(0, 3)).toEqual([]);
    succeeded += [200, 201, 202, 204].reduce((sum, status) => sum + (statuses[status] ?? 0), 0);
  }
  expect(succeeded).toBeGreaterThan(needed);
}

async function expectInvalidRefused(
  surface: Surface,
  operation: Operation,
  requests: fc.Arbitrary<RequestParts>,
): Promise<void> {
  const random = makeSeededRandom(seed);
  const broken = fc
    .sample(requests, { numRuns: count, seed })
    .map((parts) => makeInvalidRequest(operation, parts, random, compile));
  const { statuses, problems } = await sendAll(surface, operation, broken);
  expect(problems.slice(0, 3)).toEqual([]);
  expect(Object.values(statuses).reduce((sum, each) => sum + each, 0)).toBe(count);
}

/** BARS.md I5. */
async function expectStrangersRefused(
  surface: Surface,
  operation: Operation,
  requests: fc.Arbitrary<RequestParts>,
): Promise<void> {
  const inference = (await surface.admin.makeKey({ permissions: ["ai:*"] })).text;
  const wrong: [string, Record<string, string>][] = [
    ["nothing", {}],
    ["no key", { authorization: "Bearer " }],
    ["a key that is none", { authorization: "Bearer prod_zzzzzzzzzzzz_0" }],
    ["another scheme", { authorization: `Basic ${Buffer.from("admin:admin").toString("base64")}` }],
    ["a cookie", { cookie: "better-auth.session_token=x.y; session=admin" }],
    ["an inference key", { authorization: `Bearer ${inference}` }],
    ["a header of a proxy", { "x-forwarded-user": "admin", "x-remote-user": "root", "x-api-key": inference }],
  ];
  const [parts] = fc.sample(requests, { numRuns: 1, seed });
  if (parts === undefined) throw new Error("no request was generated");
  for (const [title, headers] of wrong) {
    const answer = await surface.send(makeRequest(operation, parts), headers);
    expect([title, answer.status < 400, findProblem(operation, answer)]).toEqual([title, false, ""]);
  }
}

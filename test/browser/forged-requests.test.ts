import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AdminRequest,
  getRestRoute,
  makeRestRequest,
  makeTrpcRequest,
  procedures,
  restRoutes,
} from "../support/admin-operation.ts";
import { listProcedureCells, type MatrixObject, matrixInputs } from "../support/authorization-matrix.ts";
import { type Dashboard, isBrowserMissing, openDashboard, signInAsAdmin } from "../support/dashboard.ts";
import { openMatrixObjects } from "../support/matrix-objects.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { signUp } from "../support/users-harness.ts";
import { waitUntil } from "../support/wait-until.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

/** BARS.md B11, what of it a real browser can send: each change of the router, from pages of other origins. */
const mutations = procedures.filter(({ type }) => type === "mutation").map(({ name }) => name);
const cells = listProcedureCells();
/** Another port of the same host is the same site: its requests carry the cookie. The other name is another site. */
const foreignHosts = process.env.TEST_TIER === "full" ? ["127.0.0.1", "localhost"] : ["127.0.0.1"];

/** What must have happened to a key for a change of it to change something. */
const steps: Readonly<Record<string, string>> = { "keys.enable": "disable", "keys.finishRotation": "rotate" };
/** Changes something only after the seal key was replaced. */
const idle = "credentials.rotateSealKey";

/** One request as a page sends it: by a form, by a script, or by going there. */
type Variant = "form" | "fetch" | "fetch as JSON" | "top-level GET";

/** A page of another origin. */
interface Foreign {
  page: Page;
  /** What the gateway answered its scripts, also where they were not let see it. */
  statuses: { url: string; status: number }[];
}

interface Forged {
  name: string;
  variant: Variant;
  status: number;
}

describe.skipIf(isBrowserMissing)("requests that another page makes a signed-in browser send", () => {
  let dashboard: Dashboard;
  let evil: Server;
  let makeObject: ReturnType<typeof openMatrixObjects>;
  beforeAll(async () => {
    dashboard = await openDashboard("[plans.free]\nkeys = 100_000\n");
    makeObject = openMatrixObjects(dashboard.gateway, (await signUp(dashboard.gateway.url)).id);
    evil = createServer((_request, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><title>evil</title><form></form><iframe name=sink></iframe>");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => evil.once("listening", resolve));
  });
  afterAll(async () => {
    evil.closeAllConnections();
    await new Promise((resolve) => evil.close(resolve));
    await dashboard.close();
  });

  /** The calls of a change, on an object that it would change. */
  async function makeRequests(name: string): Promise<AdminRequest[]> {
    const cell = cells.find((each) => each.name === name && each.caller === "admin" && each.object === "own");
    const makeInput = matrixInputs[name];
    if (cell === undefined || makeInput === undefined) throw new Error(`${name} has no row`);
    const object: MatrixObject = await makeObject(cell);
    const before = steps[name];
    if (before !== undefined) {
      const path = `/admin/api-keys/${object.publicId}/${before}`;
      const answer = await dashboard.gateway.call("POST", path, dashboard.gateway.adminKey, {});
      if (!answer.ok) throw new Error(await answer.text());
    }
    const input = makeInput(object);
    const isRest = restRoutes.some((route) => route.name === name);
    return [makeTrpcRequest(name, input), ...(isRest ? [makeRestRequest(getRestRoute(name), input)] : [])];
  }

  async function countChanges(): Promise<number> {
    const [row] = await dashboard.gateway.database.database.sql<{ count: number }[]>`
      select count(*)::int as count from audit_entry`;
    return row?.count ?? 0;
  }

  /** Sends a request from whatever page this is. @returns what the gateway answered; `null`: the browser did not send it. */
  async function send({ page, statuses }: Foreign, request: AdminRequest, variant: Variant): Promise<number | null> {
    const url = dashboard.gateway.url + request.path;
    const { body = "{}" } = request;
    if (variant === "top-level GET") {
      const target = request.path.startsWith("/trpc") ? `${url}?input=${encodeURIComponent(body)}` : url;
      const answered = page.waitForResponse((response) => response.url() === target);
      await page.evaluate(`location.assign(${JSON.stringify(target)})`);
      const status = (await answered).status();
      await page.waitForURL(target);
      return status;
    }
    if (variant === "form") {
      const answered = page.waitForResponse((response) => response.url() === url);
      await page.evaluate(`(() => {
        const form = document.querySelector("form");
        Object.assign(form, { method: "post", enctype: "text/plain", action: ${JSON.stringify(url)}, target: "sink" });
        const text = ${JSON.stringify(body)};
        const name = text.slice(0, -1) + (text === "{}" ? "" : ",") + '"x":"';
        form.replaceChildren(Object.assign(document.createElement("input"), { name, value: '"}' }));
        form.submit();
      })()`);
      return (await answered).status();
    }
    const init =
      variant === "fetch"
        ? { method: "POST", mode: "no-cors", body, headers: { "content-type": "text/plain" } }
        : { method: request.method, headers: { "content-type": "application/json" }, body };
    const list = (): number[] => statuses.filter((each) => each.url === url).map(({ status }) => status);
    const seen = list().length;
    await page.evaluate(
      `fetch(${JSON.stringify(url)}, ${JSON.stringify({ ...init, credentials: "include" })}).catch(() => null)`,
    );
    // A browser asks before it sends JSON, is refused, and sends nothing.
    if (variant === "fetch") await waitUntil(() => list().length > seen, "the answer to a request");
    return list()[seen] ?? null;
  }

  async function openForeign(context: BrowserContext, host: string): Promise<Foreign> {
    const page = await context.newPage();
    await page.goto(`http://${host}:${(evil.address() as AddressInfo).port}/`);
    const statuses: Foreign["statuses"] = [];
    // Either of the two can come first.
    const sent = new Map<string, { url: string; method: string }>();
    const codes = new Map<string, number>();
    const notice = (id: string): void => {
      const request = sent.get(id);
      const status = codes.get(id);
      if (status === undefined || request === undefined || request.method === "OPTIONS") return;
      statuses.push({ url: request.url, status });
    };
    const session = await context.newCDPSession(page);
    session.on("Network.requestWillBeSent", ({ requestId, request }) => {
      sent.set(requestId, request);
      notice(requestId);
    });
    session.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => {
      codes.set(requestId, statusCode);
      notice(requestId);
    });
    await session.send("Network.enable");
    return { page, statuses };
  }

  it.each(foreignHosts)("B11: from %s none of them is let in, by form, script or link", async (host) => {
    const { page, context } = await dashboard.openPage();
    await signInAsAdmin(dashboard, page);
    const foreign = await openForeign(context, host);
    const home = foreign.page.url();
    const forged: Forged[] = [];
    let unsent = 0;
    for (const name of mutations) {
      const requests = await makeRequests(name);
      const before = await countChanges();
      for (const request of requests) {
        for (const variant of ["form", "fetch", "fetch as JSON"] as const) {
          const status = await send(foreign, request, variant);
          if (status === null) unsent++;
          else forged.push({ name, variant, status });
        }
        const status = await send(foreign, request, "top-level GET");
        // Of REST, the same path may be a question.
        const isQuestion = status === 200 && !request.path.startsWith("/trpc");
        if (!isQuestion) forged.push({ name, variant: "top-level GET", status: status ?? 0 });
        await foreign.page.goto(home);
      }
      expect([name, await countChanges()]).toEqual([name, before]);
    }
    const letIn = forged.filter(({ status }) => status < 400);
    expect(letIn).toEqual([]);
    // Refused for where they come from, before anybody looked at what they say.
    const posted = forged.filter(({ variant }) => variant !== "top-level GET");
    expect(posted.filter(({ status }) => ![401, 403, 415].includes(status))).toEqual([]);
    expect(posted.length).toBeGreaterThanOrEqual(mutations.length * 2);
    await page.reload();
    await page.getByRole("button", { name: /Admin$/ }).waitFor();
    console.info(
      `${host}: ${mutations.length} changes, ${forged.length} forged requests, ${unsent} not sent, 0 let in`,
    );
  });

  it("the check sees those that are let in: the same calls from our own page", async () => {
    const { page } = await dashboard.openPage();
    await signInAsAdmin(dashboard, page);
    const refused: string[] = [];
    for (const name of mutations) {
      const [request] = await makeRequests(name);
      if (request === undefined) throw new Error(`${name} has no call`);
      const before = await countChanges();
      const status = await page.evaluate<number>(
        `fetch(${JSON.stringify(request.path)}, ${JSON.stringify({ method: request.method, headers: request.headers, body: request.body })}).then(({ status }) => status)`,
      );
      if (status >= 300 || ((await countChanges()) <= before && name !== idle)) refused.push(`${name}: ${status}`);
    }
    expect(refused).toEqual([]);
    expect(mutations.length).toBeGreaterThan(40);
  });
});

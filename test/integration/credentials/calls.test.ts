import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCaller } from "../../../server/admin/router.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** Credentials that come with the call, or from the vault, over two gateways on one database. */
let upstream: ScriptedUpstream;
let gateways: [TestGateway, TestGateway];
let admin: ReturnType<typeof makeCaller>;

function makeConfig(url: string): string {
  const model = (name: string, location: string, more = "") => `
[models.${name}]
routing = ["up"]
[models.${name}.providers.up]
type = "openai"
api_base = "${url}/v1"
model_name = "${name}"
api_key_location = ${location}
retries = 0
${more}`;
  return [
    model("vaulted", '"vault::team"'),
    model("brought", '"dynamic::customer_key"'),
    model("either", '{ default = "dynamic::customer_key", fallback = "vault::team" }'),
    model("plain", '"none"'),
  ].join("\n");
}

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  const one = await openTestGateway({ config: makeConfig(upstream.url) });
  gateways = [
    one,
    await openTestGateway({ config: makeConfig(upstream.url), database: one.database, dataDir: one.dataDir }),
  ];
  const { config, clock, logger, database } = one.context;
  const origin = { ip: "", requestId: "" };
  admin = makeCaller({ caller: { kind: "system" }, origin, config, clock, logger, database, randomBytes });
});
afterAll(async () => {
  await gateways[1].close();
  await gateways[0].close();
  await upstream.close();
});

const chat = (model: string, more: object = {}) => ({ model, messages: [{ role: "user", content: "Hi" }], ...more });
const path = "/v1/chat/completions";

/** The status, and the bearer that the provider saw (`undefined`: it was not called). */
async function call(gateway: TestGateway, key: string, body: object) {
  const before = upstream.log.length;
  const response = await gateway.call(path, body, key);
  const text = await response.text();
  const headers = upstream.log[before]?.rawHeaders ?? [];
  const at = headers.findIndex((name) => name.toLowerCase() === "authorization");
  return { status: response.status, text, bearer: at < 0 ? undefined : headers[at + 1] };
}

describe("a stored credential", () => {
  test("is used, replaced and deleted on every gateway within a second", async () => {
    const { text: key } = await gateways[0].makeKey();
    const missing = await call(gateways[0], key, chat("vaulted"));
    expect([missing.status, missing.bearer]).toEqual([502, undefined]);
    expect(missing.text).not.toContain("team");
    for (const secret of ["sk-first-of-the-team", "sk-second-of-the-team"]) {
      if (secret.includes("first")) await admin.credentials.create({ name: "team", secret });
      else await admin.credentials.update({ credential_name: "team", secret });
      const storedAtMs = performance.now();
      for (const gateway of gateways) {
        await waitUntil(
          async () => (await call(gateway, key, chat("vaulted"))).bearer === `Bearer ${secret}`,
          `${secret} in use`,
        );
      }
      expect(performance.now() - storedAtMs).toBeLessThan(5_000);
      // Once it is in use, nothing else is.
      for (const gateway of gateways) {
        expect((await call(gateway, key, chat("vaulted"))).bearer).toBe(`Bearer ${secret}`);
      }
    }
    await expect(admin.credentials.delete({ credential_name: "team" })).rejects.toThrow(
      "models.vaulted.providers.up, models.either.providers.up",
    );
  });

  test("that a key pins is used for that key alone; without it nothing else is", async () => {
    await admin.credentials.create({ name: "acme", secret: "sk-of-acme" });
    const pinned = (await gateways[0].makeKey({ providerCredentials: { openai: "acme" } })).text;
    const broken = (await gateways[0].makeKey({ providerCredentials: { up: "gone" } })).text;
    const other = (await gateways[0].makeKey()).text;
    for (const gateway of gateways) {
      await waitUntil(
        async () => (await call(gateway, pinned, chat("plain"))).bearer === "Bearer sk-of-acme",
        "the pin",
      );
      expect((await call(gateway, pinned, chat("vaulted"))).bearer).toBe("Bearer sk-of-acme");
      expect(await call(gateway, other, chat("plain"))).toMatchObject({ status: 200, bearer: undefined });
      expect(await call(gateway, broken, chat("vaulted"))).toMatchObject({ status: 502, bearer: undefined });
    }
    expect(upstream.log.every(({ body }) => !body.includes("acme"))).toBe(true);
  });
});

describe("a credential of the client's", () => {
  const sent = "sk-brought-by-the-customer-0123456789";

  test("goes to the provider that the config names it for, and nowhere else", async () => {
    const { text: key } = await gateways[0].makeKey();
    const credentials = { "tensorzero::credentials": { customer_key: sent, unused: "sk-unused" } };
    for (const stream of [false, true]) {
      const answer = await call(gateways[0], key, chat("brought", { ...credentials, stream }));
      expect(answer).toMatchObject({ status: 200, bearer: `Bearer ${sent}` });
    }
    expect((await call(gateways[0], key, chat("either", credentials))).bearer).toBe(`Bearer ${sent}`);
    expect((await call(gateways[0], key, chat("either"))).bearer).toBe("Bearer sk-second-of-the-team");
    // A model of which the config does not say so gets none.
    expect((await call(gateways[0], key, chat("plain", credentials))).bearer).toBeUndefined();
    expect(upstream.log.every(({ body }) => !body.includes(sent) && !body.includes("sk-unused"))).toBe(true);
  });

  test("is asked for by name where it is missing, and refused where no header can carry it", async () => {
    const { text: key } = await gateways[0].makeKey();
    const missing = await call(gateways[0], key, chat("brought"));
    expect([missing.status, missing.bearer]).toEqual([400, undefined]);
    expect(missing.text).toContain("Dynamic api key `customer_key` is missing");
    const split = `${sent}\r\nx-other: 1`;
    const refused = await call(
      gateways[0],
      key,
      chat("brought", { "tensorzero::credentials": { customer_key: split } }),
    );
    expect([refused.status, refused.bearer]).toEqual([400, undefined]);
    expect(refused.text).not.toContain(sent);
  });

  test("is not written down: not in the log, the journal, the database, an answer", async () => {
    const { text: key } = await gateways[0].makeKey();
    upstream.script({ status: 401 });
    const credentials = { "tensorzero::credentials": { customer_key: sent } };
    const refused = await call(gateways[0], key, chat("brought", credentials));
    expect(refused.status).toBe(502);
    expect(refused.text).not.toContain(sent.slice(8, 24));
    await gateways[0].listEvents(5);
    const [dump] = await gateways[0].database.database.sql<{ text: string }[]>`
      select coalesce(string_agg(e::text, ' '), '') as text from usage_event e`;
    expect(dump?.text.length).toBeGreaterThan(100);
    const written = [dump?.text ?? "", ...gateways.flatMap(({ logLines }) => logLines)].join("\n");
    for (const secret of [sent, "sk-unused", "sk-of-acme", "sk-second-of-the-team"]) {
      expect([secret, written.includes(secret.slice(3))]).toEqual([secret, false]);
    }
  });
});

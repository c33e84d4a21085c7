import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../support/gateway-process.ts";
import { waitUntil } from "../support/wait-until.ts";

const models = (...names: string[]) =>
  names.map((name) => `[models.${name}]\nrouting = ["e"]\n[models.${name}.providers.e]\ntype = "echo"\n`).join("");

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openGatewayProcess({ config: models("one") });
}, 60_000);
afterAll(() => gateway.close());

const write = (text: string) => writeFileSync(join(gateway.dataDir, "tollgate.toml"), text);
const hangUp = () => process.kill(gateway.pid, "SIGHUP");

async function listModels(): Promise<string[]> {
  const answer = await gateway.call("GET", "/v1/models", gateway.adminKey);
  const { data } = (await answer.json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

it("SIGHUP puts another file in force, refuses one with mistakes, and ends nothing", async () => {
  expect(await listModels()).toEqual(["one"]);
  const status = async () => (await (await gateway.call("GET", "/status", null)).json()) as { config_hash: string };
  const before = await status();
  write(models("one", "two"));
  hangUp();
  await waitUntil(async () => (await listModels()).length === 2, "the other file holds");
  expect((await status()).config_hash).not.toBe(before.config_hash);
  write(`${models("three")}[models.four]\nrouting = []\n[log]\nlevel = "loud"\n`);
  hangUp();
  await waitUntil(() => gateway.output().includes("The config file is refused"), "the file is refused");
  for (const place of ["models.four", "log.level"]) expect(gateway.output()).toContain(place);
  expect(await listModels()).toEqual(["one", "two"]);
  const refused = await gateway.call("POST", "/admin/config/reload", gateway.adminKey, {});
  expect(refused.status).toBe(422);
  const { error } = (await refused.json()) as { error: { issues: { path: string }[] } };
  expect(error.issues.map(({ path }) => path)).toEqual(expect.arrayContaining(["log.level"]));
  write(models("three"));
  const reloaded = await gateway.call("POST", "/admin/config/reload", gateway.adminKey, {});
  expect(await reloaded.json()).toMatchObject({ applied: ["models"], needs_restart: [] });
  expect(await listModels()).toEqual(["three"]);
  const config = (await (await gateway.call("GET", "/admin/config", gateway.adminKey)).json()) as object;
  expect(config).toMatchObject({ models: [{ name: "three" }], database: "DATABASE_URL", redis: null });
  const text = JSON.stringify(config);
  for (const secret of Object.values(gateway.secrets)) expect(text).not.toContain(secret);
  expect(gateway.isRunning()).toBe(true);
});

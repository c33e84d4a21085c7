import { afterEach, expect, test } from "vitest";
import { endInstallations, makeHome, openTollgate, type TollgateProcess } from "../support/tollgate-process.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endInstallations);

async function findHealth(gateway: TollgateProcess): Promise<unknown> {
  const response = await gateway.call("GET", "/health", null);
  return response.json();
}

const well = { gateway: "ok", postgres: "ok", redis: "not_configured", workers: "ok" };

test("kill -9 of the workers: told by /health, started again within 10 s, calls go on meanwhile", async () => {
  const gateway = await openTollgate({ home: makeHome() });
  await gateway.ready();
  await waitUntil(() => gateway.demoKey() !== null, "the demo key");
  await waitUntil(async () => JSON.stringify(await findHealth(gateway)) === JSON.stringify(well), "all parts are well");
  const before = gateway.listProcesses().length;

  for (let round = 0; round < 3; round++) {
    expect(gateway.kill("workers")).toBe(1);
    const killedMs = performance.now();
    await waitUntil(async () => (await gateway.call("GET", "/health", null)).status === 503, "it is told");
    expect(await findHealth(gateway)).toEqual({ ...well, workers: "error" });
    const ready = await gateway.call("GET", "/readyz", null);
    expect(ready.status).toBe(200);
    const answer = await gateway.call("POST", "/v1/chat/completions", gateway.demoKey(), {
      model: "echo::any",
      messages: [{ role: "user", content: "and you?" }],
    });
    expect(answer.status).toBe(200);
    await waitUntil(async () => (await gateway.call("GET", "/health", null)).status === 200, "they are back", 10_000);
    console.info(`workers back ${Math.round(performance.now() - killedMs)} ms after kill -9`);
  }
  expect(await findHealth(gateway)).toEqual(well);
  expect(gateway.output().match(/the workers' process ended/g)).toHaveLength(3);
  expect(await gateway.stop()).toMatchObject({ code: 0 });
  await waitUntil(() => gateway.listProcesses().length === 0, "nothing is left running", 1_000);
  expect(before).toBeGreaterThan(3);
});

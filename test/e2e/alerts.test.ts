import { afterEach, expect, test } from "vitest";
import { endInstallations, makeHome, openTollgate, type TollgateProcess } from "../support/tollgate-process.ts";
import { waitUntil } from "../support/wait-until.ts";
import { countGoodSignatures, openWebhookReceiver, type WebhookReceiver } from "../support/webhook-receiver.ts";

/** The whole installation as a person starts it: gateway, workers and PostgreSQL as processes, a receiver of somebody else's. */
let receiver: WebhookReceiver | null = null;
afterEach(async () => {
  await receiver?.close();
  receiver = null;
  await endInstallations();
});

async function callJson(tollgate: TollgateProcess, method: string, path: string, body?: unknown) {
  const answer = await tollgate.call(method, path, tollgate.adminKey(), body);
  const text = await answer.text();
  expect([path, answer.status < 300, text]).toEqual([path, true, text]);
  return (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
}

/** Types of the messages that came, in their order. */
function listTypes({ received }: WebhookReceiver): string[] {
  return received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
}

test("a budget that is spent and an old secret that is still used reach the receiver, signed, and the key is disabled", async () => {
  receiver = await openWebhookReceiver();
  const came = receiver;
  const tollgate = await openTollgate({ home: makeHome('[egress]\nallow = ["127.0.0.0/8"]\n') });
  await tollgate.ready();
  await waitUntil(() => tollgate.adminKey() !== null, "the admin key", 30_000);
  const run = (job: string) => tollgate.call("POST", `/admin/jobs/${job}/run`, tollgate.adminKey());
  /** Asks for runs until it has happened; the schedule is a minute. */
  const runUntil = async (isDone: () => boolean, what: string): Promise<void> => {
    await waitUntil(
      async () => {
        if (isDone()) return true;
        await run("evaluate-alerts");
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        return isDone();
      },
      what,
      90_000,
    );
  };

  const hook = await callJson(tollgate, "POST", "/admin/webhooks", { kind: "standard", name: "Ops", url: came.url });
  const webhooks = [hook.id];
  const key = await callJson(tollgate, "POST", "/admin/api-keys", {
    alias: "spender",
    budgets: [{ limit_usd: "0.001", period: "total" }],
  });
  const other = await callJson(tollgate, "POST", "/admin/api-keys", { alias: "turned" });
  await callJson(tollgate, "POST", "/admin/alerts/rules", {
    kind: "budget",
    name: "Budgets",
    // What is held for a call keeps the last ones out before all of it is spent.
    thresholds: [50],
    action: "disable",
    webhooks,
  });
  await callJson(tollgate, "POST", "/admin/alerts/rules", { kind: "rotated_secret", name: "Old secrets", webhooks });

  // A token of echo costs 1 and 2 millionths: some of these calls spend the budget, and the last ones are refused.
  const chat = (bearer: unknown) =>
    tollgate.call("POST", "/v1/chat/completions", String(bearer), {
      model: "echo::x",
      max_tokens: 60,
      messages: [{ role: "user", content: "words ".repeat(40) }],
    });
  const statuses: number[] = [];
  for (let each = 0; each < 12; each += 1) statuses.push((await chat(key.api_key)).status);
  expect(statuses[0]).toBe(200);
  expect(statuses.at(-1)).toBe(429);
  await runUntil(() => listTypes(came).includes("alert.opened"), "the alert of the budget");
  const [message] = came.received;
  if (message === undefined) throw new Error("nothing came");
  expect(countGoodSignatures(message, String(hook.secret))).toBe(1);
  expect(JSON.parse(message.body)).toMatchObject({ data: { kind: "budget", public_id: key.public_id } });
  await waitUntil(
    async () => (await callJson(tollgate, "GET", `/admin/api-keys/${String(key.public_id)}`)).state === "disabled",
    "the key is disabled",
    60_000,
  );
  await waitUntil(async () => (await chat(key.api_key)).status === 401, "the gateway refuses it", 10_000);

  await callJson(tollgate, "POST", `/admin/api-keys/${String(other.public_id)}/rotate`, { overlap: "0" });
  await waitUntil(async () => (await chat(other.api_key)).status === 401, "the old secret is refused", 10_000);
  const isTold = (): boolean => came.received.some(({ body }) => body.includes("old secret of the key turned"));
  await runUntil(isTold, "the alert of the old secret");

  const { jobs } = (await callJson(tollgate, "GET", "/admin/jobs")) as {
    jobs: { job: string; outcome: string | null }[];
  };
  for (const job of ["evaluate-alerts", "deliver-webhooks"]) {
    expect(jobs.find((each) => each.job === job)).toMatchObject({ outcome: "completed" });
  }
});

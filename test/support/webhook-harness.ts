import { handleDeliverWebhooks } from "../../workers/jobs/deliver-webhooks.ts";
import type { JobTools } from "../../workers/registry.ts";
import { type AdminHarness, openAdminHarness } from "./admin-harness.ts";
import { type MovedClock, openMovedClock } from "./moved-clock.ts";
import { openWebhookReceiver, type WebhookReceiver } from "./webhook-receiver.ts";
import { makeJobTools, openWorkerHarness, type WorkerHarness } from "./worker-harness.ts";

/** The admin API, a receiver, and the job that sends, all by one clock that a test moves. */
export interface WebhookHarness {
  admin: AdminHarness;
  receiver: WebhookReceiver;
  worker: WorkerHarness;
  clock: MovedClock;
  tools: JobTools;
  /** One run of the job. */
  deliver(): ReturnType<typeof handleDeliverWebhooks>;
  close(): Promise<void>;
}

export async function openWebhookHarness(): Promise<WebhookHarness> {
  const admin = await openAdminHarness();
  const clock = openMovedClock(Date.parse("2026-11-02T12:00:00Z"));
  admin.context.clock = clock;
  admin.context.config.egress = { allow: ["127.0.0.0/8"] };
  // No jobs of its own: the handlers are called by the test.
  const worker = openWorkerHarness({ databaseUrl: admin.test.url, redisUrl: null }, []);
  worker.context.clock = clock;
  const tools = makeJobTools(worker);
  const receiver = await openWebhookReceiver();
  return {
    admin,
    receiver,
    worker,
    clock,
    tools,
    deliver: () => handleDeliverWebhooks(tools),
    async close() {
      await receiver.close();
      await worker.stop();
      await admin.close();
    },
  };
}

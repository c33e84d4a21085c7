import { setTimeout as sleep } from "node:timers/promises";
import { openLogger } from "../../server/platform/logger.ts";
import { openShutdown } from "../../server/platform/shutdown.ts";

/** A process that stops in the way that its argument names; tells each step on standard output. */
const [, , way = "clean"] = process.argv;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const logger = openLogger({ level: "error", pretty: false, access: false });
const shutdown = openShutdown({ logger, drainMs: way === "hangs" ? -4_500 : 10_000 });
shutdown.add("second", () => say(`second draining=${shutdown.draining}`));
shutdown.addFirst("first", async () => {
  say(`first draining=${shutdown.draining}`);
  if (way === "slow") await sleep(60_000);
  if (way === "hangs") await new Promise(() => undefined);
  if (way === "fails") throw new Error("broken");
  await sleep(50);
  say("first ended");
});
setInterval(() => undefined, 1_000);
say(`ready draining=${shutdown.draining}`);

/**
 * The whole gateway in a process of its own that can be asked how it fares: `tsx test/support/gateway-child.ts`, with an
 * IPC channel and `--expose-gc`. Ends with its parent.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import express from "express";
import { startServer } from "../../server/main.ts";
import type { ProcessMeasures } from "./gateway-process.ts";

/** Each route that any router is given, as `{path, methods}`. */
const routes: { path: string; methods: Record<string, boolean> }[] = [];
const router = express.Router.prototype as { route(path: string): (typeof routes)[number] };
const makeRoute = router.route;
router.route = function (path) {
  const route = makeRoute.call(this, path);
  routes.push(route);
  return route;
};

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
let cpu = process.cpuUsage();

function measure(): ProcessMeasures {
  const { user, system } = process.cpuUsage(cpu);
  return {
    rssBytes: process.memoryUsage.rss(),
    cpuMs: (user + system) / 1_000,
    loopDelayP999Ms: delay.percentile(99.9) / 1e6,
    loopDelayMaxMs: delay.max / 1e6,
    prototypeNames: [Object.prototype, Array.prototype, String.prototype, Function.prototype].flatMap((prototype) =>
      Reflect.ownKeys(prototype).map(String),
    ),
  };
}

function collect(times: number, done: () => void): void {
  (globalThis as typeof globalThis & { gc?: () => void }).gc?.();
  setTimeout(() => (times > 1 ? collect(times - 1, done) : done()), 50);
}

process.on("message", (question: "reset" | "measure" | "routes") => {
  if (question === "routes") {
    const names = routes.flatMap(({ path, methods }) =>
      Object.keys(methods).map((method) => `${method.toUpperCase().replace("_", "")} ${path}`),
    );
    process.send?.([...new Set(names)]);
    return;
  }
  const answer = measure();
  if (question === "reset") {
    // What was thrown away already must not count as growth, nor its collection as delay. The first collection empties the
    // pages, the next ones give them back to the system.
    collect(3, () => {
      cpu = process.cpuUsage();
      delay.reset();
      process.send?.({ ...answer, rssBytes: process.memoryUsage.rss() });
    });
  } else process.send?.(answer);
});
process.on("disconnect", () => process.exit(0));
await startServer({});

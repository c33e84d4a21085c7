import type { StreamRoute } from "./stream-route.ts";
import { streamEvents } from "./usage/event-stream.ts";
import { exportEvents } from "./usage/events-export.ts";
import { exportUsage } from "./usage/export.ts";

/** Every call under `/admin` that answers with a stream. */
export const streamRoutes: readonly StreamRoute[] = [exportUsage, exportEvents, streamEvents];

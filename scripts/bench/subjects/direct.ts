import { chatRequest } from "../upstream/chat.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Subject } from "./subject.ts";

/** Nothing between: the load generator calls the upstream. */
export function openDirect(upstream: Upstream): Subject {
  return {
    name: "direct",
    setup: "no proxy: the load generator calls the upstream",
    target: (kind) => ({
      port: upstream.ports[kind],
      path: "/v1/chat/completions",
      headers: { "content-type": "application/json" },
      body: chatRequest("bench", kind !== "json"),
    }),
    pids: () => [],
    otherPids: () => [],
    close: async () => {},
  };
}

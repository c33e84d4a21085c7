import { openDatabase } from "../../../db/client.ts";
import type { Cores } from "../processes/cores.ts";
import { chatRequest } from "../upstream/chat.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Subject } from "./subject.ts";
import { insertBenchKeys } from "./tollgate-keys.ts";
import { modelOf, openTollgateProcess, type TollgateProcess } from "./tollgate-process.ts";

/** Starts Tollgate with everything on, and one key. */
export async function openTollgate(upstream: Upstream, cores: Cores, folder: string): Promise<Subject> {
  const tollgate = await openTollgateProcess(upstream, cores, folder);
  try {
    const [key] = await insertBenchKeys(tollgate.databaseUrl, tollgate.pepper, 1);
    if (key === undefined) throw new Error("no key was stored");
    return tollgateSubject(tollgate, key);
  } catch (error) {
    await tollgate.close();
    throw error;
  }
}

/** A running Tollgate as a subject, called with `key`. */
export function tollgateSubject(tollgate: TollgateProcess, key: string): Subject {
  return {
    name: "tollgate",
    setup:
      "everything on: authentication, model allowlist, a budget on the key (its lease where the release has leases), journal, ingest into the embedded " +
      "PostgreSQL, metrics, access log to a file; TOLLGATE_ROLE=all, no Redis. Its gateway process is pinned to the subject's " +
      "core and counted; its workers and PostgreSQL run on the load generator's core and are told apart",
    target: (kind) => ({
      port: tollgate.port,
      path: "/v1/chat/completions",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: chatRequest(modelOf[kind], kind !== "json"),
    }),
    pids: () => [tollgate.pid],
    otherPids: tollgate.otherPids,
    countMetered: () => countEvents(tollgate.databaseUrl),
    close: tollgate.close,
  };
}

async function countEvents(databaseUrl: string): Promise<number> {
  const database = openDatabase({ url: databaseUrl, applicationName: "bench", poolMax: 1 });
  try {
    const [row] = await database.sql<{ events: string }[]>`select count(*) as events from usage_event`;
    return Number(row?.events);
  } finally {
    await database.close();
  }
}

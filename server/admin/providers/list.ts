import { z } from "zod";
import { listProviderHealth } from "../../../db/queries/provider-health.ts";
import { providerHealthList } from "../../core/credential-schema.ts";
import { requireCredentialAccess } from "../credentials/credential-access.ts";
import { makeProcedure } from "../trpc.ts";

export const listProviders = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/providers",
      operationId: "listProviders",
      summary: "List the providers that were called, and how they do",
      description: "Over all gateway processes, each as of the last five seconds. Neither addresses nor credentials.",
      tags: ["Providers"],
    },
  })
  .input(z.strictObject({}))
  .output(providerHealthList)
  .query(async ({ ctx }) => {
    requireCredentialAccess(ctx, false);
    const reports = await listProviderHealth(ctx.database.sql);
    const providers = reports.map((report) => ({
      model: report.model === "" ? null : report.model,
      provider: report.provider,
      type: report.type,
      state: report.state,
      in_flight: report.inFlight,
      successes: report.successes,
      failures: report.failures,
      openings: report.openings,
      refused: report.refused,
      latency_ms: report.latencyMs === null ? null : Math.round(report.latencyMs * 10) / 10,
      last_failure: report.lastFailure,
      last_failure_at: report.lastFailureAt?.toISOString() ?? null,
      processes: report.processes,
    }));
    return { providers, next_cursor: null };
  });

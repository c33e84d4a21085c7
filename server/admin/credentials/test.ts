import {
  findCredentialEntry,
  listPinnedProviders,
  updateCredentialTest,
} from "../../../db/queries/provider-credentials.ts";
import { type CredentialTestView, credentialTestView, testCredentialInput } from "../../core/credential-schema.ts";
import { AppError } from "../../core/error.ts";
import { parseShorthand } from "../../core/model-name.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import type { ProcedureContext, ProviderProbe } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { requireCredentialAccess } from "./credential-access.ts";
import { isUsing, listConfiguredProviders } from "./credential-uses.ts";

const probesMax = 10;
/** The worst first. */
const outcomes = ["rejected", "failed", "accepted"] as const;

export const testCredential = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/credentials/{credential_name}/test",
      operationId: "testCredential",
      summary: "Try a stored credential at the providers that use it",
      description:
        "Sends a real call of one output token to at most ten providers of the config file that name the credential, or that a key pins it at. Neither the credential nor the provider's words are answered. The calls are not metered.",
      tags: ["Credentials"],
      refusals: [409],
    },
  })
  .input(testCredentialInput)
  .output(credentialTestView)
  .mutation(async ({ ctx, input }) => {
    requireCredentialAccess(ctx, true);
    const { credential_name: name } = input;
    if ((await findCredentialEntry(ctx.database.sql, name)) === null) throw new AppError("not_found");
    const { probeProvider } = ctx;
    if (probeProvider === undefined) throw new AppError("conflict", "No provider can be called from here.");
    const probes = await listProbes(ctx, name, input.model ?? null);
    if (probes.length === 0) {
      throw new AppError(
        "conflict",
        input.model === undefined
          ? "No model of the config file uses this credential; for a type's default say a `model`, such as openai::gpt-5-mini."
          : "This model does not use the credential.",
        { param: input.model === undefined ? null : "model" },
      );
    }
    const results = await Promise.all(
      probes.map(async (probe): Promise<CredentialTestView["results"][number]> => {
        const { status, message, latencyMs } = await probeProvider(probe);
        const { name: provider, type } = probe.provider;
        const outcome = findOutcome(status);
        return { model: probe.model, provider, type, outcome, status, message, latency_ms: Math.round(latencyMs) };
      }),
    );
    const answer = { name, results };
    const worst = outcomes.find((outcome) => results.some((result) => result.outcome === outcome)) ?? "failed";
    await ctx.database.sql.begin(async (transaction) => {
      await updateCredentialTest(transaction, name, worst);
      await insertAudit(ctx, transaction, {
        objectType: "provider_credential",
        objectId: name,
        ownerId: null,
        before: null,
        after: answer,
      });
    });
    return answer;
  });

/** A provider that finds fault with the call itself has let its caller in. */
function findOutcome(status: number | null): CredentialTestView["results"][number]["outcome"] {
  if (status === 401 || status === 403) return "rejected";
  const isAccepted = status !== null && (status < 300 || status === 400 || status === 422 || status === 429);
  return isAccepted ? "accepted" : "failed";
}

async function listProbes(ctx: ProcedureContext, name: string, model: string | null): Promise<ProviderProbe[]> {
  const pinned = new Set(await listPinnedProviders(ctx.database.sql, name));
  const shorthand = model === null || ctx.config.models.has(model) ? null : parseShorthand(model);
  const probes: ProviderProbe[] = [];
  for (const configured of listConfiguredProviders(ctx.config)) {
    const { provider } = configured;
    const isNamed = isUsing(provider, name);
    if (!isNamed && !pinned.has(provider.name) && !pinned.has(provider.type)) continue;
    const isShorthand = configured.model === "";
    if (isShorthand ? provider.type !== shorthand?.type : model !== null && configured.model !== model) continue;
    const upstreamModel = isShorthand ? (shorthand?.model ?? "") : (provider.modelName ?? configured.model);
    const pin = isNamed ? null : name;
    probes.push({ model: isShorthand ? (model ?? "") : configured.model, upstreamModel, provider, pin });
  }
  return probes.slice(0, probesMax);
}

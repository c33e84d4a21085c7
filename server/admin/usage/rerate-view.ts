import type { RerateRun } from "../../../db/queries/rerate-runs.ts";
import { formatUsd } from "../../core/money.ts";
import type { RerateRunView } from "../../core/rerate-schema.ts";

export function makeRerateRunView(run: RerateRun): RerateRunView {
  return {
    run_id: run.id,
    state: run.finishedAt === null ? "running" : "finished",
    actor: run.actor,
    from: run.from.toISOString(),
    to: run.to.toISOString(),
    models: run.models === null ? null : [...run.models],
    budgets: run.withBudgets,
    created_at: run.createdAt.toISOString(),
    done_to: (run.nextAt ?? run.from).toISOString(),
    events: run.events,
    delta_usd: formatUsd(run.deltaNanoUsd),
    finished_at: run.finishedAt?.toISOString() ?? null,
  };
}

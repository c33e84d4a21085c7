import { api, queryClient } from "../../app/api.ts";

/** Loads anew what a change of a rule or a budget shows in. */
export async function refreshLimits(): Promise<void> {
  const stale = [api.rules.pathKey(), api.budgets.pathKey(), api.limits.pathKey()];
  await Promise.all(stale.map((queryKey) => queryClient.invalidateQueries({ queryKey })));
}

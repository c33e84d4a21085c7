import { api, queryClient } from "../../app/api.ts";

/** Loads anew what a change of a rule or a budget shows in. */
export async function refreshLimits(): Promise<void> {
  await Promise.all(
    [api.rules, api.budgets, api.limits].map((part) => queryClient.invalidateQueries({ queryKey: part.pathKey() })),
  );
}

import { api, queryClient } from "../../app/api.ts";

/** Loads anew what a change of a price shows in, its history in the audit log too. */
export async function refreshPrices(): Promise<void> {
  await Promise.all([api.prices, api.audit].map((part) => queryClient.invalidateQueries({ queryKey: part.pathKey() })));
}

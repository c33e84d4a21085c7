import { api, queryClient } from "../../app/api.ts";

/** Asks anew for everything that a change of keys may have changed. */
export async function refreshKeys(): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries(api.keys.pathFilter()),
    queryClient.invalidateQueries(api.session.pathFilter()),
    queryClient.invalidateQueries(api.audit.pathFilter()),
  ]);
}

import { api, queryClient } from "../../app/api.ts";

/** After a change of stored credentials. */
export async function refreshCredentials(): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: api.credentials.pathKey() });
}

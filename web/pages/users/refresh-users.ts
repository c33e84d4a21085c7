import { api, queryClient } from "../../app/api.ts";

/** After a change of users, of what they hold, or of who is signed in. */
export async function refreshUsers(): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: api.users.pathKey() }),
    queryClient.invalidateQueries({ queryKey: api.keys.pathKey() }),
  ]);
}

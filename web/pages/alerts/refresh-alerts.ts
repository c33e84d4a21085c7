import { api, queryClient } from "../../app/api.ts";

/** After a change of alert rules or of incidents. */
export async function refreshAlerts(): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: api.alerts.pathKey() });
}

import { api, queryClient } from "../../app/api.ts";

/** After a change of webhooks or of their deliveries. */
export async function refreshWebhooks(): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: api.webhooks.pathKey() });
}

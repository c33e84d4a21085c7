import { pickText } from "../../format/pick-text.ts";

export const deliveryStates = ["pending", "delivered", "parked"] as const;
type DeliveryState = (typeof deliveryStates)[number];

/** What the address of the page holds: whose deliveries are shown, and which of them. */
export interface WebhookSearch {
  webhook?: string;
  state?: DeliveryState;
}

export function parseWebhookSearch(search: Record<string, unknown>): WebhookSearch {
  const webhook = pickText(search["webhook"]);
  const state = deliveryStates.find((each) => each === search["state"]);
  return { ...(webhook === undefined ? {} : { webhook }), ...(state === undefined ? {} : { state }) };
}

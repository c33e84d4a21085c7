import { pickText } from "../../format/pick-text.ts";

const incidentStates = ["open", "resolved", "all"] as const;
export type IncidentState = (typeof incidentStates)[number];

/** What the address of the page holds: which incidents are shown. */
export interface AlertSearch {
  /** Open ones unless it is said. */
  state?: IncidentState;
  rule?: string;
}

export function parseAlertSearch(search: Record<string, unknown>): AlertSearch {
  const state = incidentStates.find((each) => each === search["state"]);
  const rule = pickText(search["rule"]);
  return { ...(state === undefined ? {} : { state }), ...(rule === undefined ? {} : { rule }) };
}

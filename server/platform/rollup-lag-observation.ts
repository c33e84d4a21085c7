/** How far rollups are behind; plain data, so that it can cross from the workers' process to the gateway's. */
export interface RollupLagObservation {
  /** Parts and their events that are not merged, and the age of the oldest in seconds. */
  parts: number;
  events: number;
  oldestSeconds: number;
  refusals: number;
  /** Days that are over and not computed. */
  days: number;
}

export const noRollupLag: RollupLagObservation = { parts: 0, events: 0, oldestSeconds: 0, refusals: 0, days: 0 };

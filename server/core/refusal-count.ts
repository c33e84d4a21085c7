/** What tells two counts of refusals apart. Texts are `""` where there is nothing to say. */
export interface RefusedCall {
  /** The UTC hour, milliseconds since 1970 by database time. */
  hourMs: number;
  publicId: string;
  ownerId: string;
  /** JSON text. */
  keyTags: string;
  model: string;
  endpoint: string;
  /** 401, 403 or 429. */
  status: number;
  code: string;
  origin: string;
}

export interface RefusalCount extends RefusedCall {
  refusals: number;
}

/** Attempts from one network with keys that do not exist. */
export interface UnknownNetwork {
  /** `192.0.2.0/24`, `2001:db8:1::/48`, or `other`. */
  network: string;
  attempts: number;
  /** Milliseconds since 1970. */
  firstMs: number;
  lastMs: number;
}

/** What a process has counted since its last flush. A process numbers its batches, so that one is stored once. */
export interface RefusalBatch {
  batch: number;
  counts: readonly RefusalCount[];
  networks: readonly UnknownNetwork[];
}

import type { PublicId } from "./api-key.ts";
import type { EventId } from "./id.ts";
import type { TokenUsage, UsageSource } from "./usage.ts";

/**
 * One inference, as it is journaled, stored and billed. Money is nano-USD; times are milliseconds, instants
 * milliseconds since 1970 by database time. Tag sets are JSON texts of `{name: value}`, `""` where there are none:
 * they are written far more often than read.
 */
export interface UsageEvent extends TokenUsage {
  id: EventId;
  /** Derived from `id`; part of the primary key, so that a replay of the same event always collides. */
  atMs: number;
  publicId: PublicId;
  ownerId: string;
  keyTags: string;
  requestTags: string;
  model: string;
  provider: string;
  endpoint: string;
  /** What the client was answered; 499 when it left before the end. */
  status: number;
  /** Error code, `""` on success. */
  code: string;
  stream: boolean;
  attempts: number;
  usageSource: UsageSource;
  /** Upper bound that was held for this call. */
  reservedNanoUsd: bigint;
  /** `null`: unpriced, which is not zero. */
  costNanoUsd: bigint | null;
  priceId: string;
  latencyMs: number;
  /** -1 where no first byte came. */
  firstTokenMs: number;
  bytesIn: number;
  bytesOut: number;
  clientIp: string;
  origin: string;
  /** Ids of the budget windows that it is charged to, with commas between them; `""`: none. */
  budgetWindows: string;
}

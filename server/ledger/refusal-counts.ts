import { findClientNetwork } from "../core/client-network.ts";
import type { RefusalBatch, RefusalCount, RefusedCall, UnknownNetwork } from "../core/refusal-count.ts";

/** Different counts of one batch; what is beyond goes without its model and origin, and beyond twice as many without its key. */
const countsMax = 1_000;
/** Different networks of one batch; attempts from others are counted together. */
const networksMax = 1_000;
const hourMs = 3_600_000;
const otherNetwork = "other";

/**
 * Counts refused calls in memory until the next flush, in bounded room. A process that dies takes with it what it counted
 * since its last flush; nothing is billed by it.
 */
export class RefusalCounts {
  #counts = new Map<string, RefusalCount>();
  #networks = new Map<string, UnknownNetwork>();
  #batch: RefusalBatch | null = null;
  #batches = 0;
  /** Called when something is counted after nothing was. */
  onPending: () => void = () => undefined;

  get isPending(): boolean {
    return this.#batch !== null || this.#counts.size > 0;
  }

  /** @param nowMs milliseconds since 1970 by database time. */
  add(call: Omit<RefusedCall, "hourMs">, nowMs: number): void {
    const wasPending = this.isPending;
    let counted: RefusedCall = { ...call, hourMs: Math.floor(nowMs / hourMs) * hourMs };
    let key = makeKey(counted);
    if (!this.#counts.has(key) && this.#counts.size >= countsMax) {
      counted = { ...counted, model: "", origin: "" };
      if (!this.#counts.has(makeKey(counted)) && this.#counts.size >= 2 * countsMax) {
        counted = { ...counted, publicId: "", ownerId: "", keyTags: "" };
      }
      key = makeKey(counted);
    }
    const known = this.#counts.get(key);
    if (known !== undefined) known.refusals += 1;
    else this.#counts.set(key, { ...counted, refusals: 1 });
    if (!wasPending) this.onPending();
  }

  /** An attempt with a key that does not exist; it is counted by {@link add} too. */
  addUnknown(address: string, nowMs: number): void {
    let network = findClientNetwork(address) ?? otherNetwork;
    if (!this.#networks.has(network) && this.#networks.size >= networksMax) network = otherNetwork;
    const known = this.#networks.get(network);
    if (known === undefined) this.#networks.set(network, { network, attempts: 1, firstMs: nowMs, lastMs: nowMs });
    else {
      known.attempts += 1;
      known.lastMs = nowMs;
    }
  }

  /** What is to be stored, the same until it is {@link release}d; `null` where there is nothing. */
  take(): RefusalBatch | null {
    if (this.#batch !== null || this.#counts.size === 0) return this.#batch;
    this.#batches += 1;
    this.#batch = {
      batch: this.#batches,
      counts: [...this.#counts.values()],
      networks: [...this.#networks.values()].sort((a, b) => (a.network < b.network ? -1 : 1)),
    };
    this.#counts = new Map();
    this.#networks = new Map();
    return this.#batch;
  }

  /** It is stored, or never can be. */
  release(batch: RefusalBatch): void {
    if (this.#batch === batch) this.#batch = null;
  }
}

function makeKey(call: RefusedCall): string {
  const { hourMs: hour, publicId, ownerId, keyTags, model, endpoint, status, code, origin } = call;
  return `${hour}\n${publicId}\n${ownerId}\n${keyTags}\n${model}\n${endpoint}\n${status}\n${code}\n${origin}`;
}

import type { RuleScope } from "../core/limit-scope.ts";
import { isModelAllowed } from "../core/model-allowlist.ts";
import { makeNetworkList } from "../core/network.ts";
import type { RateScope } from "../core/rate-limit.ts";
import type { RuleCall, RuleKey } from "./rule-set.ts";

/** That a scope matched a call, and what by. */
export interface ScopeMatch {
  /** Of the bucket's id: names what is counted together. No two scopes write the same, whatever clients send. */
  part: string;
  /**
   * Narrows the calls by which the ledger finds what was counted before. A `total` or a pattern leaves them as they are, so
   * that what is found may be more than was counted, never less.
   */
  fill(scope: RateScope): void;
}

type CallFacts = Omit<RuleCall, "key">;

/** Whether a scope needs the call, or the key alone decides. */
export function isScopeDynamic(scope: RuleScope, key: RuleKey, trustRequestTags: boolean): boolean {
  if (scope.kind === "tag") return trustRequestTags && !Object.hasOwn(key.tags, scope.tagKey);
  return scope.kind === "model" || scope.kind === "client_ip" || scope.kind === "origin";
}

/**
 * Holds a call against a scope; `null` where it does not match.
 *
 * @param call `null` where {@link isScopeDynamic} says that it is not needed.
 */
export function matchScope(scope: RuleScope, key: RuleKey, call: CallFacts | null): ScopeMatch | null {
  const { kind, tagKey } = scope;
  switch (kind) {
    case "api_key_public_id":
      return makeMatch(scope, "key", key.publicId, (found) => (found.publicId = key.publicId));
    case "owner_id": {
      const { ownerId } = key;
      return makeMatch(scope, "owner", ownerId, (found) => (found.ownerId = ownerId ?? ""));
    }
    case "model": {
      const model = call?.model ?? null;
      return makeMatch(scope, "model", model, (found) => (found.model = model ?? ""));
    }
    case "client_ip": {
      const clientIp = call?.clientIp ?? null;
      return makeMatch(scope, "ip", clientIp, (found) => (found.clientIp = clientIp ?? ""));
    }
    case "origin": {
      const origin = call?.origin ?? null;
      return makeMatch(scope, "origin", origin, (found) => (found.origin = origin ?? ""));
    }
    case "tag": {
      const isBound = call === null;
      const tags = isBound ? key.tags : call.requestTags;
      const value = Object.hasOwn(tags, tagKey) ? (tags[tagKey] ?? null) : null;
      // Apart, so that no client can use up what is counted for a key-bound tag.
      return makeMatch(scope, `${isBound ? "tag" : "request-tag"}:${encode(tagKey)}`, value, (found) => {
        const name = isBound ? "keyTags" : "requestTags";
        found[name] = { ...found[name], [tagKey]: value ?? "" };
      });
    }
  }
}

function makeMatch(
  scope: RuleScope,
  name: string,
  value: string | null,
  fill: (scope: RateScope) => void,
): ScopeMatch | null {
  if (value === null || (value === "" && scope.kind !== "tag")) return null;
  if (scope.match === "total") return { part: `${name}~`, fill: () => undefined };
  if (scope.match === "each") return { part: `${name}=${encode(value)}`, fill };
  if (scope.kind === "model" && scope.value.includes("*")) {
    const patterns = [scope.value];
    return isModelAllowed(patterns, value) ? { part: `${name}*=${encode(scope.value)}`, fill: () => undefined } : null;
  }
  const isSame = scope.kind === "client_ip" ? isSameAddress(scope.value, value) : scope.value === value;
  return isSame ? { part: `${name}=${encode(value)}`, fill } : null;
}

/** IPv6 has many spellings of one address. */
function isSameAddress(written: string, address: string): boolean {
  if (written === address) return true;
  return makeNetworkList([written]).check(address, address.includes(":") ? "ipv6" : "ipv4");
}

/** Leaves of a text only what no separator of an id is. Injective: half a character, which no URI holds, gets a mark. */
function encode(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return `$${encodeURIComponent(JSON.stringify(text))}`;
  }
}

import type { ApiKey, Budget } from "./api-key.ts";
import { isNetworkWithin } from "./network.ts";
import { isPermissionGranted } from "./permission.ts";

/**
 * What of a key is power: everything that one key could have more of than another. The rest decides over no call: `type`
 * is a prefix (what a client key may never hold is in client-key.ts), `on_disconnect` picks between two ways to charge.
 */
export type KeyPowers = Pick<
  ApiKey,
  | "permissions"
  | "models"
  | "tags"
  | "budgets"
  | "rateLimits"
  | "maxOutputTokens"
  | "expiresAt"
  | "allowedIps"
  | "allowedOrigins"
  | "ownerId"
  | "providerCredentials"
>;

/**
 * The one place that says what "never more than it has itself" means for a key that makes another, or is handed another's
 * plaintext, as by a rotation: a bearer text is power until its own end, whatever becomes of the key that asked for it.
 * It errs towards refusing: lists whose inclusion cannot be shown by their patterns count as excess.
 *
 * @returns names on the wire of the child's properties that go beyond the parent's; empty where the child is a subset.
 */
export function findExcess(parent: KeyPowers, child: KeyPowers): string[] {
  const excess: string[] = [];
  const check = (field: string, within: boolean): void => void (within || excess.push(field));
  check(
    "permissions",
    child.permissions.every((grant) => isPermissionGranted(parent.permissions, grant)),
  );
  check("models", areModelsWithin(child.models, parent.models));
  // Limits and bills hang on tags: who could drop one would leave them behind.
  check(
    "tags",
    Object.entries(parent.tags).every(([name, value]) => child.tags[name] === value),
  );
  check(
    "budgets",
    parent.budgets.every((mine) => child.budgets.some((theirs) => isBudgetWithin(theirs, mine))),
  );
  check(
    "rate_limits",
    Object.entries(parent.rateLimits).every(([name, mine]) => {
      const theirs = child.rateLimits[name];
      return theirs !== undefined && theirs <= mine;
    }),
  );
  check("max_output_tokens", isAtMost(child.maxOutputTokens, parent.maxOutputTokens));
  check("expires_at", isAtMost(child.expiresAt?.getTime() ?? null, parent.expiresAt?.getTime() ?? null));
  check("allowed_ips", isListWithin(child.allowedIps, parent.allowedIps, isNetworkWithin));
  check("allowed_origins", isListWithin(child.allowedOrigins, parent.allowedOrigins, isOriginWithin));
  check("owner_id", parent.ownerId === null || child.ownerId === parent.ownerId);
  check("provider_credentials", arePinsWithin(parent, child));
  return excess;
}

/**
 * The same for a change of a key that exists. Whoever only takes away needs no power of its own; whoever gives, in any
 * property or by enabling, must cover the whole result, so that a weak key cannot loosen a strong one. Another owner
 * or other tags are always given: they put the key, its secret or its bill into other hands. An end that the change leaves
 * as it is does not count, because keys outlive the key that manages them; but whoever gives permissions gives them until
 * that end, or else a key could hand its own to one that outlives it.
 *
 * @param enables the change makes a disabled key live.
 */
export function findExcessOfChange(parent: KeyPowers, before: KeyPowers, after: KeyPowers, enables: boolean): string[] {
  const sameHands =
    before.ownerId === after.ownerId &&
    isSameRecord(before.tags, after.tags) &&
    isSameRecord(before.providerCredentials, after.providerCredentials);
  const given = findExcess(before, after);
  if (!enables && sameHands && given.length === 0) return [];
  const keepsEnd = before.expiresAt?.getTime() === after.expiresAt?.getTime() && !given.includes("permissions");
  return findExcess(parent, after).filter((field) => field !== "expires_at" || !keepsEnd);
}

function isSameRecord(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** `null` is "no limit". */
function isAtMost(child: number | null, parent: number | null): boolean {
  return parent === null || (child !== null && child <= parent);
}

function isBudgetWithin(child: Budget, parent: Budget): boolean {
  return (
    child.period === parent.period &&
    (child.timezone ?? "UTC") === (parent.timezone ?? "UTC") &&
    child.limitNanoUsd <= parent.limitNanoUsd
  );
}

/** An empty list is "anywhere", so a parent with a list needs a child with one. */
function isListWithin(
  child: readonly string[],
  parent: readonly string[],
  isWithin: (inner: string, outer: string) => boolean,
): boolean {
  if (parent.length === 0) return true;
  return child.length > 0 && child.every((inner) => parent.some((outer) => isWithin(inner, outer)));
}

/** `https://*.example.com` holds every host below example.com, on its scheme and port. */
function isOriginWithin(inner: string, outer: string): boolean {
  if (inner === outer) return true;
  const star = outer.indexOf("*.");
  if (star === -1) return false;
  const head = outer.slice(0, star);
  return (
    inner.length > head.length && inner.startsWith(head) && inner.slice(head.length).endsWith(outer.slice(star + 1))
  );
}

/** A pin leads to a stored credential: only a key that may do everything hands out one that it has not itself. */
function arePinsWithin(parent: KeyPowers, child: KeyPowers): boolean {
  const keeps = Object.entries(parent.providerCredentials).every(
    ([name, pin]) => child.providerCredentials[name] === pin,
  );
  const adds = Object.keys(child.providerCredentials).some((name) => !Object.hasOwn(parent.providerCredentials, name));
  return keeps && (!adds || parent.permissions.includes("*"));
}

function areModelsWithin(child: readonly string[], parent: readonly string[]): boolean {
  const childAllows = child.filter((pattern) => !pattern.startsWith("!"));
  const childExcludes = child.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  const parentAllows = parent.filter((pattern) => !pattern.startsWith("!"));
  const parentExcludes = parent.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  return (
    childAllows.every((inner) => parentAllows.some((outer) => isPatternWithin(inner, outer))) &&
    parentExcludes.every(
      (excluded) =>
        childExcludes.some((own) => isPatternWithin(excluded, own)) ||
        !childAllows.some((allowed) => doPatternsMeet(allowed, excluded)),
    )
  );
}

/**
 * Every name that `inner` matches, `outer` matches: a star of `inner` can only be met by a star of `outer`. Greedy with
 * one point to come back to, so at most quadratic.
 */
function isPatternWithin(inner: string, outer: string): boolean {
  let at = 0;
  let out = 0;
  let starOut = -1;
  let starAt = 0;
  while (at < inner.length) {
    if (outer[out] === "*") {
      starOut = out++;
      starAt = at;
    } else if (outer[out] === inner[at] && inner[at] !== "*") {
      at++;
      out++;
    } else if (starOut !== -1) {
      out = starOut + 1;
      at = ++starAt;
    } else return false;
  }
  while (outer[out] === "*") out++;
  return out === outer.length;
}

/** Some name is matched by both patterns. */
function doPatternsMeet(a: string, b: string): boolean {
  // reachable[j]: the rest of `a` from i and the rest of `b` from j have a name in common.
  let next: boolean[] = [];
  for (let i = a.length; i >= 0; i--) {
    const row: boolean[] = [];
    for (let j = b.length; j >= 0; j--) {
      if (i === a.length && j === b.length) row[j] = true;
      else if (a[i] === "*") row[j] = next[j] === true || (j < b.length && row[j + 1] === true);
      else if (b[j] === "*") row[j] = row[j + 1] === true || (i < a.length && next[j] === true);
      else row[j] = i < a.length && j < b.length && a[i] === b[j] && next[j + 1] === true;
    }
    next = row;
  }
  return next[0] === true;
}

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Secret } from "../core/secret.ts";
import type { Clock } from "../platform/clock.ts";

export interface GoogleTokens {
  /**
   * An access token of a service account. While a token has less than five minutes to live, the next one is asked for, once,
   * and the old one still serves.
   *
   * @param credential the JSON of the service account; `null`: the application's default credentials.
   */
  find(credential: Secret | null): Promise<string>;
}

export interface GoogleTokensOptions {
  clock: Clock;
  fetch: typeof globalThis.fetch;
}

/** The part of a client of google-auth-library that is used. */
interface TokenSource {
  refresh(): Promise<{ token: string; expiresAtMs: number }>;
}

interface Entry {
  source: TokenSource;
  token: string;
  expiresAtMs: number;
  pending: Promise<string> | null;
}

const scopes = ["https://www.googleapis.com/auth/cloud-platform"];
const renewBeforeMs = 5 * 60_000;
/** A token that is about to end may be refused by the time it arrives. */
const leastLifeMs = 10_000;
/** Where a token does not say how long it lives. */
const lifeMs = 60 * 60_000;
/** Clients may bring credentials of their own. */
const accountsMax = 1_000;

/** Opens the tokens of Google's service accounts. google-auth-library is loaded with the first that is asked for. */
export function openGoogleTokens(options: GoogleTokensOptions): GoogleTokens {
  const { clock } = options;
  const entries = new LRUCache<string, Entry>({ max: accountsMax });

  const renew = (entry: Entry): Promise<string> => {
    entry.pending ??= entry.source
      .refresh()
      .then(({ token, expiresAtMs }) => {
        entry.token = token;
        entry.expiresAtMs = expiresAtMs;
        return token;
      })
      .finally(() => {
        entry.pending = null;
      });
    return entry.pending;
  };

  return {
    async find(credential) {
      // The text itself is not kept as a key.
      const name = credential === null ? "" : createHash("sha256").update(credential.reveal()).digest("base64");
      let entry = entries.get(name);
      if (entry === undefined) {
        entry = { source: openLazily(credential, options), token: "", expiresAtMs: 0, pending: null };
        entries.set(name, entry);
      }
      const leftMs = entry.expiresAtMs - clock.nowMs();
      if (leftMs > renewBeforeMs) return entry.token;
      const renewed = renew(entry);
      if (leftMs <= leastLifeMs) return renewed;
      // Whoever needs it next tries again, and finds out.
      renewed.catch(() => {});
      return entry.token;
    },
  };
}

/**
 * Signs with the account's key alone. Addresses in the JSON are not looked at: a credential that a client brings must not
 * name the host that is called.
 */
function openLazily(credential: Secret | null, { clock, fetch }: GoogleTokensOptions): TokenSource {
  let opened: Promise<() => Promise<{ token?: string | null; expiresAtMs?: number | null }>> | null = null;

  const open = async () => {
    const { GoogleAuth, JWT } = await import("google-auth-library");
    if (credential === null) {
      const client = await new GoogleAuth({ scopes }).getClient();
      return async () => {
        const { token } = await client.getAccessToken();
        return { token: token ?? null, expiresAtMs: client.credentials.expiry_date ?? null };
      };
    }
    const account = JSON.parse(credential.reveal()) as { client_email?: string; private_key?: string };
    return async () => {
      const client = new JWT({
        ...(account.client_email === undefined ? {} : { email: account.client_email }),
        ...(account.private_key === undefined ? {} : { key: account.private_key }),
        scopes,
        transporterOptions: { fetchImplementation: fetch },
      });
      const { access_token: token, expiry_date: expiresAtMs } = await client.authorize();
      return { token: token ?? null, expiresAtMs: expiresAtMs ?? null };
    };
  };

  return {
    async refresh() {
      opened ??= open();
      const { token, expiresAtMs } = await (await opened)();
      if (!token) throw new Error("the answer holds no token");
      return { token, expiresAtMs: expiresAtMs ?? clock.nowMs() + lifeMs };
    },
  };
}

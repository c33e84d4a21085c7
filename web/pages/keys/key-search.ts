import { pickText } from "../../format/pick-text.ts";

export const keyStates = ["active", "disabled", "revoked", "expired"] as const;
export const keyTypes = ["development", "production", "client"] as const;
export const keyAdvices = ["rotate", "unused", "origins_changed"] as const;
export const keySorts = ["created_at", "alias", "last_used_at", "expires_at"] as const;

/** The whole view of the table, as it stands in the address: it can be kept as a bookmark and sent to others. */
export interface KeySearch {
  q?: string;
  state?: (typeof keyStates)[number];
  type?: (typeof keyTypes)[number];
  advice?: (typeof keyAdvices)[number];
  owner?: string;
  /** `NAME=VALUE`. */
  tag?: string;
  sort?: (typeof keySorts)[number];
  order?: "asc" | "desc";
  cursor?: string;
  /** The dialog is open. */
  create?: boolean;
}

function pick<Value extends string>(allowed: readonly Value[], value: unknown): Value | undefined {
  return allowed.find((one) => one === value);
}

/** Reads the address; what it does not know is left out. */
export function parseKeySearch(search: Record<string, unknown>): KeySearch {
  const found = {
    q: pickText(search["q"]),
    state: pick(keyStates, search["state"]),
    type: pick(keyTypes, search["type"]),
    advice: pick(keyAdvices, search["advice"]),
    owner: pickText(search["owner"]),
    tag: pickText(search["tag"]),
    sort: pick(keySorts, search["sort"]),
    order: pick(["asc", "desc"] as const, search["order"]),
    cursor: pickText(search["cursor"]),
    create: search["create"] === true ? true : undefined,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

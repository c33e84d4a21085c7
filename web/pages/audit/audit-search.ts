import { pickText } from "../../format/pick-text.ts";

const names = ["actor", "action", "object"] as const;

/** What the address of the page holds: which entries are shown. */
export type AuditSearch = { [Name in (typeof names)[number]]?: string };

export function parseAuditSearch(search: Record<string, unknown>): AuditSearch {
  const found = names.map((name) => [name, pickText(search[name])] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

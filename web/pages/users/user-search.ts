import { pickText } from "../../format/pick-text.ts";

const userRoles = ["admin", "member"] as const;

/** What the address of the page holds: which users are shown. */
export interface UserSearch {
  q?: string;
  role?: (typeof userRoles)[number];
}

export function parseUserSearch(search: Record<string, unknown>): UserSearch {
  const q = pickText(search["q"]);
  const role = userRoles.find((each) => each === search["role"]);
  return { ...(q === undefined ? {} : { q }), ...(role === undefined ? {} : { role }) };
}

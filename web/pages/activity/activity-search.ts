import { pickText } from "../../format/pick-text.ts";

/** The whole view, as it stands in the address. */
export interface ActivitySearch {
  key?: string;
  model?: string;
  status?: string;
  code?: string;
  cursor?: string;
}

/** Reads the address; what it does not know is left out. */
export function parseActivitySearch(search: Record<string, unknown>): ActivitySearch {
  const names = ["key", "model", "status", "code", "cursor"] as const;
  const found = names.map((name) => [name, pickText(search[name])] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

const statusShape = /^[1-5](xx|\d\d)$/;

/** The filters of a question. A half-typed one counts as none. */
export function makeEventFilter({ key, model, status, code }: ActivitySearch): Record<string, string> {
  return {
    ...(key === undefined ? {} : { public_id: key }),
    ...(model === undefined ? {} : { model }),
    ...(status === undefined || !statusShape.test(status) ? {} : { status }),
    ...(code === undefined ? {} : { code }),
  };
}

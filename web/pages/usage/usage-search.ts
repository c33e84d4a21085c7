import { pickText } from "../../format/pick-text.ts";
import { type UsageRange, usageRanges } from "../key/usage-range.ts";

/** What usage can be grouped by, and how it is called. A key-bound tag is beside them, as `tag:NAME`. */
export const usageGroups = {
  key: { label: "Key", field: "public_id" },
  model: { label: "Model", field: "model" },
  provider: { label: "Provider", field: "provider" },
  endpoint: { label: "Endpoint", field: "endpoint" },
  status: { label: "Status", field: "status" },
  origin: { label: "Origin", field: "origin" },
  owner: { label: "Owner", field: "owner_id" },
} as const;
export type UsageGroup = keyof typeof usageGroups;

export const usageMetrics = {
  requests: "Requests",
  cost_usd: "Cost",
  tokens: "Tokens",
  errors: "Errors",
} as const;
export type UsageMetric = keyof typeof usageMetrics;

/** The whole view, as it stands in the address. */
export interface UsageSearch {
  range?: UsageRange;
  /** A name of {@link usageGroups}, or `tag:NAME`. */
  by?: string;
  metric?: UsageMetric;
  compare?: boolean;
  key?: string;
  model?: string;
  status?: string;
  /** `NAME=VALUE`. */
  tag?: string;
}

const tagGroup = /^tag:[a-z0-9_.:-]{1,64}$/;

/** Reads the address; what it does not know is left out. */
export function parseUsageSearch(search: Record<string, unknown>): UsageSearch {
  const { range, by, metric } = search;
  const found = {
    range: typeof range === "string" && range in usageRanges ? (range as UsageRange) : undefined,
    by: typeof by === "string" && (by in usageGroups || tagGroup.test(by)) ? by : undefined,
    metric: typeof metric === "string" && metric in usageMetrics ? (metric as UsageMetric) : undefined,
    compare: search["compare"] === true ? true : undefined,
    key: pickText(search["key"]),
    model: pickText(search["model"]),
    status: pickText(search["status"]),
    tag: pickText(search["tag"]),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** Statuses and classes that usage can be asked for. */
const statusShape = /^[1-5](xx|\d\d)$/;

/** The filters of a question. A half-typed one counts as none. */
export function makeUsageFilter({ key, model, status, tag }: UsageSearch): {
  public_id?: string;
  model?: string;
  status?: string;
  tag?: Record<string, string>;
} {
  const at = tag?.indexOf("=") ?? -1;
  return {
    ...(key === undefined ? {} : { public_id: key }),
    ...(model === undefined ? {} : { model }),
    ...(status === undefined || !statusShape.test(status) ? {} : { status }),
    ...(tag === undefined || at < 1 ? {} : { tag: { [tag.slice(0, at)]: tag.slice(at + 1) } }),
  };
}

/** Where the same question is answered as CSV. */
export function makeExportUrl(from: string, grain: string, by: string, search: UsageSearch): string {
  const { tag, ...filter } = makeUsageFilter(search);
  const query = new URLSearchParams({ group_by: by, from, grain, ...filter });
  for (const [name, value] of Object.entries(tag ?? {})) query.set(`tag[${name}]`, value);
  return `/admin/usage/export?${query}`;
}

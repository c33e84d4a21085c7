import type { UsageGroup } from "../../server/core/usage-question.ts";
import type { Statement } from "../statement.ts";

/** Which calls count; all that is given must match. */
export interface UsageFilter {
  publicId?: string | undefined;
  /** Of any of these keys. */
  publicIds?: readonly string[] | undefined;
  ownerId?: string | undefined;
  model?: string | undefined;
  provider?: string | undefined;
  endpoint?: string | undefined;
  status?: { min: number; max: number } | undefined;
  code?: string | undefined;
  origin?: string | undefined;
  /** Key-bound tags. */
  tags?: Readonly<Record<string, string>> | undefined;
}

const columns = [
  ["publicId", "public_id"],
  ["ownerId", "owner_id"],
  ["model", "model"],
  ["provider", "provider"],
  ["endpoint", "endpoint"],
  ["code", "code"],
  ["origin", "origin"],
] as const;

/** Conditions on the columns of events, series and refusals, each after an `and`. */
export function makeFilterText(statement: Statement, filter: UsageFilter): string {
  const parts = columns.flatMap(([field, column]) => {
    const value = filter[field];
    return value === undefined ? [] : [`and ${column} = ${statement.value(value, "text")}`];
  });
  const { publicIds, status, tags } = filter;
  if (publicIds !== undefined) parts.push(`and public_id = any(${statement.list(publicIds)})`);
  if (status !== undefined) {
    parts.push(`and status between ${statement.value(status.min, "int")} and ${statement.value(status.max, "int")}`);
  }
  if (tags !== undefined && Object.keys(tags).length > 0) {
    parts.push(`and key_tags @> ${statement.value(JSON.stringify(tags), "jsonb")}`);
  }
  return parts.join(" ");
}

/** Whether a filter looks at nothing but these. */
export function isFilterWithin(filter: UsageFilter, fields: readonly (keyof UsageFilter)[]): boolean {
  return Object.entries(filter).every(
    ([field, value]) => value === undefined || fields.includes(field as keyof UsageFilter),
  );
}

/** The network of a client's address: /24 of IPv4, /48 of IPv6, the text itself where it is neither. */
const networkText = `case
  when client_ip ~ '^\\d{1,3}(\\.\\d{1,3}){3}$' then regexp_replace(client_ip, '\\.\\d+$', '.0/24')
  when client_ip ~ '^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$' then network(set_masklen(client_ip::inet, 48))::text
  else client_ip end`;

function makeGroupText(statement: Statement, group: UsageGroup): string {
  switch (group) {
    case "key":
      return "public_id";
    case "owner":
      return "nullif(owner_id, '')";
    case "origin":
      return "nullif(origin, '')";
    case "status":
      return "status::text";
    case "model":
    case "provider":
    case "endpoint":
      return group;
    case "client_network":
      return networkText;
    default:
      return `key_tags ->> ${statement.value(group.slice("tag:".length), "text")}`;
  }
}

/** All group values as one array, so that their number changes no other part of a statement. */
export function makeGroupsText(statement: Statement, groups: readonly UsageGroup[]): string {
  const texts = groups.map((group) => makeGroupText(statement, group));
  return `array[${texts.length === 0 ? "null" : texts.join(", ")}]::text[]`;
}

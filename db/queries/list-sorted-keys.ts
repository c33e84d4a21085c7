import type postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";
import { type KeyFilter, makeKeyConditions } from "./key-filter.ts";

export type KeyOrder = "alias" | "last_used_at" | "expires_at";

/** After which key a page begins: its value in the order, as text, and its public id. */
export interface SortedKeyPosition {
  value: string;
  publicId: string;
}

const timeoutMs = 2_000;

/**
 * No index has these orders: each change of a key would have to write it. So the newest keys alone are put in order; an
 * owner hardly has more. Of older ones only filters and the order by age find any.
 */
const sortedMax = 20_000;

/**
 * One page of keys in another order than their age. A key that was never used is the one used longest ago; one without an
 * end ends last.
 *
 * @throws PostgreSQL's `query_canceled` (57014) after 2 s.
 */
export function listSortedKeys(
  sql: postgres.Sql,
  filter: KeyFilter,
  page: { orderBy: KeyOrder; ascending: boolean; after: SortedKeyPosition | null; limit: number },
): Promise<{ keys: ApiKey[]; next: SortedKeyPosition | null }> {
  return sql.begin("read only", async (transaction) => {
    await transaction`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
    const value = makeValue(transaction, page.orderBy);
    const direction = page.ascending ? transaction`asc` : transaction`desc`;
    const beyond = page.ascending ? transaction`>` : transaction`<`;
    const { after } = page;
    // By way of text: the driver would cut an instant to milliseconds, and knows no infinite one.
    const type = page.orderBy === "alias" ? transaction`text` : transaction`text::timestamptz`;
    const rows = await transaction<(ApiKeyRow & { sort_value: string })[]>`
      select *, ${makeValueText(transaction, page.orderBy)} as sort_value from (
        select * from api_key where true ${filter.ownerId === undefined ? transaction`` : transaction`and owner_id = ${filter.ownerId}`}
          ${filter.tags === undefined ? transaction`` : transaction`and tags @> ${JSON.stringify(filter.tags)}::jsonb`}
        order by created_at desc nulls last, public_id desc nulls last limit ${sortedMax}
      ) as newest
      where true ${makeKeyConditions(transaction, filter)}
        ${after === null ? transaction`` : transaction`and (${value}, public_id) ${beyond} (${after.value}::${type}, ${after.publicId})`}
      order by ${value} ${direction}, public_id ${direction}
      limit ${page.limit + 1}`;
    const keys = rows.slice(0, page.limit).map(parseApiKeyRow);
    const last = rows.length > page.limit ? rows[page.limit - 1] : undefined;
    return { keys, next: last === undefined ? null : { value: last.sort_value, publicId: last.public_id } };
  });
}

function makeValue(sql: postgres.TransactionSql, order: KeyOrder): postgres.PendingQuery<postgres.Row[]> {
  switch (order) {
    case "alias":
      return sql`alias collate "C"`;
    case "last_used_at":
      return sql`coalesce(last_used_at, '-infinity'::timestamptz)`;
    case "expires_at":
      return sql`coalesce(expires_at, 'infinity'::timestamptz)`;
  }
}

/** Instants to the microsecond, or `infinity` and `-infinity`. */
function makeValueText(sql: postgres.TransactionSql, order: KeyOrder): postgres.PendingQuery<postgres.Row[]> {
  if (order === "alias") return sql`alias`;
  const value = makeValue(sql, order);
  return sql`case when isfinite(${value}) then to_char(${value} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    else (${value})::text end`;
}

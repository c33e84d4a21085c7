import type postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";
import { type KeyFilter, makeKeyConditions } from "./key-filter.ts";

/** Where a page begins: after this key, in the order newest first. */
export interface KeyPosition {
  createdAt: Date;
  publicId: string;
}

export interface KeyPage {
  /** Newest first; the public id settles ties, so that pages neither repeat nor miss a key. */
  keys: ApiKey[];
  /** Where the next page begins; `null` after the last one. A page may be short, even empty, and not be the last. */
  next: KeyPosition | null;
}

/** The list must not hold a connection of the pool for long. */
const timeoutMs = 2_000;

/**
 * What no index answers (a state, a type, an alias, a text) is looked for in this many keys, and the next page goes on
 * from there: the work of a page is bounded however many keys there are. Measured with a text that no key holds: 25 ms.
 */
const examinedMax = 20_000;

/**
 * One page of keys.
 *
 * @param page `limit`: the most that it holds.
 * @throws PostgreSQL's `query_canceled` (57014) after 2 s.
 */
export function listApiKeys(
  sql: postgres.Sql,
  filter: KeyFilter,
  page: { after: KeyPosition | null; limit: number },
): Promise<KeyPage> {
  return sql.begin("read only", async (transaction) => {
    await transaction`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
    const found = await findKeys(transaction, filter, page.after, page.limit + 1);
    const keys = found.slice(0, page.limit);
    const last = keys.at(-1);
    if (found.length > keys.length && last !== undefined) {
      return { keys, next: { createdAt: last.createdAt, publicId: last.publicId } };
    }
    return { keys, next: isBounded(filter) ? await findHorizon(transaction, filter, page.after) : null };
  });
}

/** An index finds tags, which are meant to tell few keys from many. */
function isBounded(filter: KeyFilter): boolean {
  const { state, type, alias, advice, text } = filter;
  return filter.tags === undefined && [state, type, alias, advice, text].some((value) => value !== undefined);
}

async function findKeys(
  sql: postgres.TransactionSql,
  filter: KeyFilter,
  after: KeyPosition | null,
  limit: number,
): Promise<ApiKey[]> {
  const start = makeStart(sql, filter, after);
  const source = isBounded(filter)
    ? sql`(
        select * from api_key where ${start}
        order by created_at desc nulls last, public_id desc nulls last
        limit ${examinedMax}
      ) as examined`
    : sql`api_key`;
  const rows = await sql<ApiKeyRow[]>`
    select * from ${source} where ${start}
      ${makeKeyConditions(sql, filter)}
    order by created_at desc nulls last, public_id desc nulls last
    limit ${limit}`;
  return rows.map(parseApiKeyRow);
}

/** The last key that a bounded page looked at; `null` where it came to the end. */
async function findHorizon(
  sql: postgres.TransactionSql,
  filter: KeyFilter,
  after: KeyPosition | null,
): Promise<KeyPosition | null> {
  const [row] = await sql<{ created_at: string; public_id: string }[]>`
    select created_at, public_id from api_key where ${makeStart(sql, filter, after)}
    order by created_at desc nulls last, public_id desc nulls last
    offset ${examinedMax - 1} limit 1`;
  return row === undefined ? null : { createdAt: new Date(row.created_at), publicId: row.public_id };
}

/** Of which keys, and from where on: what the indexes are ordered by. */
function makeStart(
  sql: postgres.TransactionSql,
  filter: KeyFilter,
  after: KeyPosition | null,
): postgres.PendingQuery<postgres.Row[]> {
  return sql`true
    ${after === null ? sql`` : sql`and (created_at, public_id) < (${after.createdAt.toISOString()}, ${after.publicId})`}
    ${filter.ownerId === undefined ? sql`` : sql`and owner_id = ${filter.ownerId}`}`;
}

import type postgres from "postgres";
import type { ApiKey, KeyState, KeyType } from "../../server/core/api-key.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";

/** Where a page begins: after this key, in the order newest first. */
export interface KeyPosition {
  createdAt: Date;
  publicId: string;
}

export interface KeyFilter {
  state?: KeyState | undefined;
  type?: KeyType | undefined;
  ownerId?: string | undefined;
  /** All must match. */
  tags?: Readonly<Record<string, string>> | undefined;
  alias?: string | undefined;
  /** Found anywhere in public id, alias, name or description, in any case. */
  text?: string | undefined;
}

/** Keys newest first; the public id settles ties, so that pages neither repeat nor miss a key. */
export async function listApiKeys(
  sql: postgres.Sql,
  filter: KeyFilter,
  page: { after: KeyPosition | null; limit: number },
): Promise<ApiKey[]> {
  const text = filter.text?.toLowerCase();
  const rows = await sql<ApiKeyRow[]>`
    select * from api_key where true
      ${page.after === null ? sql`` : sql`and (created_at, public_id) < (${page.after.createdAt.toISOString()}, ${page.after.publicId})`}
      ${filter.state === undefined ? sql`` : makeStateCondition(sql, filter.state)}
      ${filter.type === undefined ? sql`` : sql`and type = ${filter.type}`}
      ${filter.ownerId === undefined ? sql`` : sql`and owner_id = ${filter.ownerId}`}
      ${filter.tags === undefined ? sql`` : sql`and tags @> ${JSON.stringify(filter.tags)}::jsonb`}
      ${filter.alias === undefined ? sql`` : sql`and alias = ${filter.alias}`}
      ${
        text === undefined
          ? sql``
          : // strpos, not LIKE: nothing in the text is a wildcard.
            sql`and (strpos(lower(public_id), ${text}) > 0 or strpos(alias, ${text}) > 0
              or strpos(lower(coalesce(name, '')), ${text}) > 0 or strpos(lower(coalesce(description, '')), ${text}) > 0)`
      }
    order by created_at desc nulls last, public_id desc nulls last
    limit ${page.limit}`;
  return rows.map(parseApiKeyRow);
}

/** The state by the clock, whether or not a sweep has marked the row. */
function makeStateCondition(sql: postgres.Sql, state: KeyState): postgres.PendingQuery<postgres.Row[]> {
  if (state === "active") return sql`and state = 'active' and (expires_at is null or expires_at > now())`;
  if (state === "expired") return sql`and (state = 'expired' or (state = 'active' and expires_at <= now()))`;
  return sql`and state = ${state}`;
}

import type postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";

/** What limits look at of a key, and what people call it. */
export type LiveKey = Pick<ApiKey, "publicId" | "alias" | "ownerId" | "tags">;

interface Row {
  public_id: LiveKey["publicId"];
  alias: string;
  owner_id: string | null;
  tags: Record<string, string>;
  created_at: string;
}

/**
 * The keys that are neither revoked nor expired by the database's clock, newest first, a page at a time; disabled ones too,
 * which may be enabled again. No connection is held between pages.
 */
export async function* listLiveKeys(sql: postgres.Sql, pageSize: number): AsyncGenerator<LiveKey[]> {
  let last: Row | undefined;
  do {
    const rows: Row[] = await sql<Row[]>`
      select public_id, alias, owner_id, tags, created_at from api_key
      where state in ('active', 'disabled') and (expires_at is null or expires_at > now())
        ${last === undefined ? sql`` : sql`and (created_at, public_id) < (${last.created_at}, ${last.public_id})`}
      order by created_at desc nulls last, public_id desc nulls last
      limit ${pageSize}`;
    if (rows.length > 0) {
      yield rows.map(({ public_id: publicId, alias, owner_id: ownerId, tags }) => ({ publicId, alias, ownerId, tags }));
    }
    last = rows.length < pageSize ? undefined : rows.at(-1);
  } while (last !== undefined);
}

import type postgres from "postgres";
import type { User } from "../../server/core/user.ts";
import { parseUserRow, type UserRow } from "./user-row.ts";

export interface FoundSession {
  id: string;
  user: User;
  /** What is left of it, in milliseconds by the database's clock. */
  leftMs: number;
}

/**
 * The session of that token with its user, both as they are now; `null` where it has ended by the database's clock or its
 * user is disabled.
 *
 * @param absoluteMs no session lives longer, whatever its row says.
 */
export async function findSessionUser(
  sql: postgres.Sql,
  token: string,
  absoluteMs: number,
): Promise<FoundSession | null> {
  const [row] = await sql<(UserRow & { session_id: string; left_ms: string })[]>`
    select u.*, s.id as session_id, extract(epoch from s.expires_at - now()) * 1000 as left_ms
    from app_session s join app_user u on u.id = s.user_id
    where s.token = ${token} and s.expires_at > now() and u.disabled_at is null
      and s.created_at > now() - ${absoluteMs}::double precision * interval '1 millisecond'`;
  return row === undefined ? null : { id: row.session_id, user: parseUserRow(row), leftMs: Number(row.left_ms) };
}

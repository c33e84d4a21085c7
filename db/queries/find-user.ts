import type postgres from "postgres";
import type { User } from "../../server/core/user.ts";
import { parseUserRow, type UserRow } from "./user-row.ts";

/** A user with the number of keys held; see {@link countHeldKeys}. */
export interface UserWithKeys extends User {
  keyCount: number;
}

export async function findUser(sql: postgres.Sql | postgres.TransactionSql, id: string): Promise<UserWithKeys | null> {
  const [row] = await sql<(UserRow & { key_count: string })[]>`
    select u.*, (
      select count(*) from api_key k where k.owner_id = u.id and k.state in ('active', 'disabled')
        and (k.expires_at is null or k.expires_at > now())
    ) as key_count
    from app_user u where u.id = ${id}`;
  return row === undefined ? null : { ...parseUserRow(row), keyCount: Number(row.key_count) };
}

import type postgres from "postgres";
import type { User } from "../../server/core/user.ts";
import { parseUserRow, type UserRow } from "./user-row.ts";

/** Reads a user and holds the row, so that nobody changes what keys he may have until the transaction ends. */
export async function findLockedUser(tx: postgres.TransactionSql, id: string): Promise<User | null> {
  const [row] = await tx<UserRow[]>`select * from app_user where id = ${id} for no key update`;
  return row === undefined ? null : parseUserRow(row);
}

/** Writes what may change of a user. A trigger tells all gateways where it matters to his keys. */
export async function updateUser(
  tx: postgres.TransactionSql,
  user: Pick<User, "id" | "name" | "role" | "plan" | "disabledAt">,
): Promise<User> {
  const [row] = await tx<UserRow[]>`
    update app_user set name = ${user.name}, role = ${user.role}, plan = ${user.plan},
      disabled_at = ${user.disabledAt?.toISOString() ?? null}, updated_at = now()
    where id = ${user.id} returning *`;
  return parseUserRow(row as UserRow);
}

/** Deletes a user with his sessions and ways to sign in; a trigger revokes his keys. */
export async function deleteUser(tx: postgres.TransactionSql, id: string): Promise<void> {
  await tx`delete from app_user where id = ${id}`;
}

/** Ends all sessions of a user. */
export async function deleteUserSessions(tx: postgres.TransactionSql | postgres.Sql, userId: string): Promise<void> {
  await tx`delete from app_session where user_id = ${userId}`;
}

import type postgres from "postgres";
import type { User } from "../../server/core/user.ts";
import { parseUserRow, type UserRow } from "./user-row.ts";

/** What better-auth calls the issuer of accounts that are a password here. */
const passwordIssuer = "local:credential";

/**
 * Stores a user and, in the same statement, how he signs in. The e-mail counts as proven: whoever makes a user vouches.
 *
 * @param passwordHash as better-auth makes it.
 * @returns `null` where somebody has the e-mail already.
 */
export async function insertUser(
  tx: postgres.TransactionSql,
  user: Pick<User, "id" | "name" | "email" | "role" | "plan">,
  passwordHash: string,
): Promise<User | null> {
  const [row] = await tx<UserRow[]>`
    with inserted as (
      insert into app_user (id, name, email, email_verified, role, plan)
      values (${user.id}, ${user.name}, ${user.email}, true, ${user.role}, ${user.plan})
      on conflict (email) do nothing
      returning *
    ), account as (
      insert into app_account (id, issuer, account_id, provider_id, user_id, password)
      select id, ${passwordIssuer}, id, 'credential', id, ${passwordHash} from inserted
    )
    select * from inserted`;
  return row === undefined ? null : parseUserRow(row);
}

/** Sets the password of a user, whether or not there was one. */
export async function updatePassword(tx: postgres.TransactionSql, userId: string, passwordHash: string): Promise<void> {
  await tx`
    insert into app_account (id, issuer, account_id, provider_id, user_id, password)
    values (${userId}, ${passwordIssuer}, ${userId}, 'credential', ${userId}, ${passwordHash})
    on conflict (issuer, account_id) do update set password = excluded.password, updated_at = now()`;
}

import type postgres from "postgres";
import type { UserRole } from "../../server/core/plan.ts";

/** What an invitation gives to whoever signs up with it. */
export interface Invitation {
  email: string;
  role: UserRole;
  plan: string;
}

/**
 * Stores an invitation among better-auth's short-lived proofs, which it tidies up when they have ended.
 *
 * @param digest of the text that was handed out, lower-case hex; the text itself is not stored.
 */
export async function insertInvitation(
  tx: postgres.TransactionSql,
  digest: string,
  invitation: Invitation,
  ttlMs: number,
): Promise<Date> {
  const [row] = await tx<{ expires_at: string }[]>`
    insert into app_verification (id, identifier, value, expires_at)
    values (${`invitation-${digest}`}, ${`invitation:${digest}`}, ${JSON.stringify(invitation)},
      now() + ${ttlMs}::double precision * interval '1 millisecond')
    returning expires_at`;
  return new Date(row?.expires_at ?? Number.NaN);
}

/** The invitation of that digest, if it has not ended by the database's clock. */
export async function findInvitation(sql: postgres.Sql, digest: string): Promise<Invitation | null> {
  const [row] = await sql<{ value: string }[]>`
    select value from app_verification where id = ${`invitation-${digest}`} and expires_at > now()`;
  return row === undefined ? null : (JSON.parse(row.value) as Invitation);
}

/** Uses an invitation up, and gives the user who signed up with it what it promises; once, whoever asks at the same time. */
export async function settleInvitation(sql: postgres.Sql, digest: string, userId: string): Promise<void> {
  await sql`
    with used as (
      delete from app_verification where id = ${`invitation-${digest}`} and expires_at > now() returning value::jsonb as v
    )
    update app_user u set role = v->>'role', plan = v->>'plan', updated_at = now()
    from used where u.id = ${userId} and u.email = v->>'email'`;
}

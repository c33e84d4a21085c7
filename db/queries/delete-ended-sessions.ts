import type postgres from "postgres";

/** Deletes sessions and short-lived proofs that have ended by the database's clock, at most `rowsMax` of each. */
export async function deleteEndedSessions(sql: postgres.Sql, rowsMax: number): Promise<void> {
  await sql`
    with ended as (
      select id from app_session where expires_at <= now() limit ${rowsMax} for update skip locked
    ), proofs as (
      select id from app_verification where expires_at <= now() limit ${rowsMax} for update skip locked
    ), gone as (
      delete from app_verification v using proofs where v.id = proofs.id
    )
    delete from app_session s using ended where s.id = ended.id`;
}

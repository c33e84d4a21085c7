import type postgres from "postgres";

/**
 * Marks keys as expired whose time has passed by the database's clock, at most `rowsMax` of them; the oldest first. Rows
 * that somebody else is changing are left for the next call, so two at once share the work. A trigger tells all gateways.
 *
 * @returns how many were marked; fewer than `rowsMax` means that no more are free.
 */
export async function expireKeys(sql: postgres.Sql, rowsMax: number): Promise<number> {
  const result = await sql`
    with due as (
      select public_id from api_key
      where state in ('active', 'disabled') and expires_at is not null and expires_at <= now()
      order by expires_at
      limit ${rowsMax}
      for update skip locked
    )
    update api_key k set state = 'expired', version = k.version + 1
    from due where k.public_id = due.public_id`;
  return result.count;
}

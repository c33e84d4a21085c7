import type postgres from "postgres";

/** Moves the end of a session that was just used, never past its absolute end. One that was ended meanwhile stays so. */
export async function updateSessionExpiry(
  sql: postgres.Sql,
  sessionId: string,
  idleMs: number,
  absoluteMs: number,
): Promise<void> {
  await sql`
    update app_session set updated_at = now(), expires_at = least(
      now() + ${idleMs}::double precision * interval '1 millisecond',
      created_at + ${absoluteMs}::double precision * interval '1 millisecond')
    where id = ${sessionId} and expires_at > now()`;
}

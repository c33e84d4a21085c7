import type postgres from "postgres";
import type { UserRole } from "../../server/core/plan.ts";
import type { UserWithKeys } from "./find-user.ts";
import { parseUserRow, type UserRow } from "./user-row.ts";

export interface UserFilter {
  role?: UserRole | undefined;
  plan?: string | undefined;
  /** Found anywhere in name or e-mail, in any case. */
  text?: string | undefined;
}

/** Users newest first; the id settles ties, so that pages neither repeat nor miss one. */
export async function listUsers(
  sql: postgres.Sql,
  filter: UserFilter,
  page: { after: { createdAt: Date; id: string } | null; limit: number },
): Promise<UserWithKeys[]> {
  const text = filter.text?.toLowerCase();
  const rows = await sql<(UserRow & { key_count: string })[]>`
    select u.*, (
      select count(*) from api_key k where k.owner_id = u.id and k.state in ('active', 'disabled')
        and (k.expires_at is null or k.expires_at > now())
    ) as key_count
    from app_user u where true
      ${page.after === null ? sql`` : sql`and (u.created_at, u.id) < (${page.after.createdAt.toISOString()}, ${page.after.id})`}
      ${filter.role === undefined ? sql`` : sql`and u.role = ${filter.role}`}
      ${filter.plan === undefined ? sql`` : sql`and u.plan = ${filter.plan}`}
      ${text === undefined ? sql`` : sql`and (strpos(u.email, ${text}) > 0 or strpos(lower(u.name), ${text}) > 0)`}
    order by u.created_at desc nulls last, u.id desc nulls last
    limit ${page.limit}`;
  return rows.map((row) => ({ ...parseUserRow(row), keyCount: Number(row.key_count) }));
}

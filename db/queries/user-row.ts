import type { User } from "../../server/core/user.ts";

/** A row of `app_user` as `select *` over `Database.sql` gives it: instants are text there. */
export interface UserRow {
  id: string;
  name: string;
  email: string;
  role: User["role"];
  plan: string;
  disabled_at: string | null;
  created_at: string;
}

/** Turns a stored row into the user that every room works with. */
export function parseUserRow(row: UserRow): User {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    role: row.role,
    plan: row.plan,
    disabledAt: row.disabled_at === null ? null : new Date(row.disabled_at),
    createdAt: new Date(row.created_at),
  };
}

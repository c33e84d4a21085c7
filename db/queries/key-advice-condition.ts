import type postgres from "postgres";
import { idleDaysMax, type KeyAdvice, secretDaysMax } from "../../server/core/key-advice.ts";

type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** What `findKeyAdvice` of core says of a row of `api_key`, as a condition; by the database's clock. */
export function makeAdviceCondition(sql: postgres.Sql | postgres.TransactionSql, advice: KeyAdvice): Fragment {
  const live = sql`state in ('active', 'disabled') and (expires_at is null or expires_at > now())`;
  switch (advice) {
    case "rotate":
      return sql`(${live} and coalesce(rotated_at, created_at) < now() - case type
        when 'production' then ${secretDaysMax.production}::int
        when 'development' then ${secretDaysMax.development}::int end * interval '24 hours')`;
    case "unused":
      return sql`(${live} and coalesce(last_used_at, created_at) < now() - ${idleDaysMax}::int * interval '24 hours')`;
    case "origins_changed":
      return sql`(${live} and type = 'client' and origins_changed_at > coalesce(rotated_at, created_at))`;
  }
}

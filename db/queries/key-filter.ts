import type postgres from "postgres";
import type { KeyState, KeyType } from "../../server/core/api-key.ts";
import type { KeyAdvice } from "../../server/core/key-advice.ts";
import { makeAdviceCondition } from "./key-advice-condition.ts";

export interface KeyFilter {
  state?: KeyState | undefined;
  type?: KeyType | undefined;
  ownerId?: string | undefined;
  /** All must match. */
  tags?: Readonly<Record<string, string>> | undefined;
  alias?: string | undefined;
  advice?: KeyAdvice | undefined;
  /** Found anywhere in public id, alias, name or description, in any case. */
  text?: string | undefined;
}

/** Conditions on the columns of keys, each after an `and`; all but the owner's, which comes with where a page begins. */
export function makeKeyConditions(
  sql: postgres.TransactionSql,
  filter: KeyFilter,
): postgres.PendingQuery<postgres.Row[]> {
  const text = filter.text?.toLowerCase();
  return sql`
    ${filter.state === undefined ? sql`` : makeStateCondition(sql, filter.state)}
    ${filter.type === undefined ? sql`` : sql`and type = ${filter.type}`}
    ${filter.tags === undefined ? sql`` : sql`and tags @> ${JSON.stringify(filter.tags)}::jsonb`}
    ${filter.alias === undefined ? sql`` : sql`and alias = ${filter.alias}`}
    ${filter.advice === undefined ? sql`` : sql`and ${makeAdviceCondition(sql, filter.advice)}`}
    ${
      text === undefined
        ? sql``
        : // strpos, not LIKE: nothing in the text is a wildcard.
          sql`and (strpos(lower(public_id), ${text}) > 0 or strpos(alias, ${text}) > 0
            or strpos(lower(coalesce(name, '')), ${text}) > 0 or strpos(lower(coalesce(description, '')), ${text}) > 0)`
    }`;
}

/** The state by the clock, whether or not a sweep has marked the row. */
function makeStateCondition(sql: postgres.TransactionSql, state: KeyState): postgres.PendingQuery<postgres.Row[]> {
  if (state === "active") return sql`and state = 'active' and (expires_at is null or expires_at > now())`;
  if (state === "expired") return sql`and (state = 'expired' or (state = 'active' and expires_at <= now()))`;
  return sql`and state = ${state}`;
}

import type postgres from "postgres";
import { counters } from "../rollup-columns.ts";
import { Statement } from "../statement.ts";
import { openUsageReading, parseSum, type SumRow, type UsageQuestion, type UsageSum } from "./find-usage.ts";
import { makeBagsText, percentilesText } from "./usage-bags.ts";
import { listUsagePieces, type UsageReading } from "./usage-pieces.ts";
import { makeSumsText, usageSumsText } from "./usage-sums.ts";

export interface StreamedUsage {
  /** Position of the bucket. */
  bucket: number;
  values: readonly (string | null)[];
  sum: UsageSum;
}

interface Row extends SumRow {
  bucket: number;
  latency: number[] | null;
  first_token: number[] | null;
}

/**
 * Gives every row of a question, by bucket and then the most requests first, a few at a time from one snapshot. PostgreSQL
 * keeps the rows that were not asked for yet. It holds a connection until the last row, or until its reader returns.
 *
 * @throws PostgreSQL's `query_canceled` (57014) where the first rows take 30 s.
 */
export async function* streamUsage(
  sql: postgres.Sql,
  question: Pick<UsageQuestion, "filter" | "groups" | "starts" | "toMs" | "rawOnly" | "rawDays" | "percentiles">,
  rowsAtOnce: number,
): AsyncGenerator<StreamedUsage[]> {
  const connection = await sql.reserve();
  try {
    await connection`begin isolation level repeatable read read only`;
    // All rows will be asked for: a plan that is quick with the first few alone is the wrong one.
    await connection`set local cursor_tuple_fraction = 1`;
    const reading = await openUsageReading(connection, { ...question, previousStarts: [] });
    const statement = new Statement();
    await statement.run(
      connection,
      `declare usage no scroll cursor for ${makeText(statement, reading, question.percentiles)}`,
    );
    for (;;) {
      const rows = await connection.unsafe<Row[]>(`fetch ${rowsAtOnce} from usage`);
      if (rows.length > 0) yield rows.map(parseRow);
      if (rows.length < rowsAtOnce) return;
    }
  } finally {
    await connection`rollback`.catch(() => undefined);
    connection.release();
  }
}

function makeText(statement: Statement, reading: UsageReading, percentiles: boolean): string {
  const own = [...counters, "first_at", "last_at"].map((name) => `grouped.${name}`).join(", ");
  const grouped = `grouped as (
    select bucket, "values", ${usageSumsText} from (${makeSumsText(listUsagePieces(statement, reading))}) as piece group by 1, 2
  )`;
  const row = `grouped.bucket, to_jsonb(grouped."values") as group_values, ${own}`;
  const order = 'order by grouped.bucket, grouped.requests desc, grouped."values"';
  if (!percentiles) {
    return `with ${grouped} select ${row}, null as latency, null as first_token from grouped ${order}`;
  }
  const bags = makeBagsText(listUsagePieces(statement, reading, true));
  const told = (which: number, name: string) =>
    `left join told as ${name} on ${name}.which = ${which} and ${name}.bucket = grouped.bucket and ${name}."values" = grouped."values"`;
  const list = (name: string) =>
    `case when ${name}.p50 is not null then jsonb_build_array(${name}.p50, ${name}.p95, ${name}.p99) end`;
  return `with ${grouped.replace("grouped as (", "grouped as materialized (")},
    wanted as materialized (select row_number() over ()::int as number, "values" from grouped group by "values"),
    counted as (select bucket, place_group, which, place, sum(n) as n from (${bags}) as bag group by 1, 2, 3, 4),
    ranked as (
      select *, sum(n) over (partition by bucket, place_group, which order by place) as upto,
        sum(n) over (partition by bucket, place_group, which) as total
      from counted
    ),
    told as (
      select bucket, "values", which, ${percentilesText}
      from ranked join wanted on wanted.number = place_group group by 1, 2, 3
    )
    select ${row}, ${list("l")} as latency, ${list("f")} as first_token
    from grouped ${told(0, "l")} ${told(1, "f")} ${order}`;
}

function parseRow(row: Row): StreamedUsage {
  const sum = { ...parseSum(row), percentiles: { latency: row.latency, firstToken: row.first_token } };
  return { bucket: row.bucket - 1, values: row.group_values ?? [], sum };
}

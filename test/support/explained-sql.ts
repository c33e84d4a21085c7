import type postgres from "postgres";

/** A node of PostgreSQL's plan. */
export interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  Plans?: PlanNode[];
}

/** A connection that runs every question as it is, and after it asks PostgreSQL for its plan. */
export interface ExplainedSql {
  sql: postgres.Sql;
  /** Plans of the questions so far. */
  plans: PlanNode[];
}

/** Wraps a connection: statements that begin with SELECT or WITH are explained too, in the same transaction. */
export function openExplainedSql(sql: postgres.Sql): ExplainedSql {
  const plans: PlanNode[] = [];
  return { sql: wrap(sql, plans), plans };
}

function wrap<S extends postgres.Sql | postgres.TransactionSql>(sql: S, plans: PlanNode[]): S {
  return new Proxy(sql, {
    apply(target, self, given: [TemplateStringsArray, ...unknown[]]) {
      const [strings, ...values] = given;
      const query = Reflect.apply(target, self, given);
      if (!Array.isArray(strings) || !/^\s*(select|with)\s/.test(String(strings[0]))) return query;
      const texts = [`explain (format json) ${strings[0]}`, ...strings.slice(1)];
      const explain = Object.assign(texts, { raw: texts });
      return (async () => {
        const rows = await query;
        const [row] = await Reflect.apply(target, self, [explain, ...values]);
        plans.push(row["QUERY PLAN"][0].Plan);
        return rows;
      })();
    },
    get(target, name) {
      if (name === "unsafe") {
        return async (text: string, values: postgres.ParameterOrJSON<never>[] = []) => {
          const rows = await target.unsafe(text, values);
          if (!/^\s*(select|with)\s/.test(text)) return rows;
          const [row] = await target.unsafe<{ "QUERY PLAN": { Plan: PlanNode }[] }[]>(
            `explain (format json) ${text}`,
            values,
          );
          for (const { Plan: plan } of row?.["QUERY PLAN"] ?? []) plans.push(plan);
          return rows;
        };
      }
      if (name !== "begin") return Reflect.get(target, name);
      return (mode: string, work: (transaction: postgres.TransactionSql) => Promise<unknown>) =>
        (target as postgres.Sql).begin(mode, (transaction) => work(wrap(transaction, plans)));
    },
  });
}

/** Every relation that a plan reads from end to end. */
export function listSequentialScans(plan: PlanNode): string[] {
  const own = plan["Node Type"].endsWith("Seq Scan") ? [plan["Relation Name"] ?? "?"] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(listSequentialScans)];
}

/** Every relation that a plan reads in any way. */
export function listRelations(plan: PlanNode): string[] {
  const own = plan["Relation Name"] === undefined ? [] : [plan["Relation Name"]];
  return [...own, ...(plan.Plans ?? []).flatMap(listRelations)];
}

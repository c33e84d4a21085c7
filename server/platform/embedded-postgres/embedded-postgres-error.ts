/**
 * The embedded PostgreSQL cannot run here. The message is one line for the operator: what is wrong and what to do;
 * it always names `DATABASE_URL`, because an external PostgreSQL is the way out of every one of these.
 */
export class EmbeddedPostgresError extends Error {
  constructor(problem: string, options?: ErrorOptions) {
    const line = problem.replace(/\s+/g, " ").replace(/(?<![.\s])[.\s]+$/, "");
    super(`Embedded PostgreSQL: ${line}; or set DATABASE_URL to use a PostgreSQL of your own.`, options);
    this.name = "EmbeddedPostgresError";
  }
}

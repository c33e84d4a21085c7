import { type Issue, parseFailure } from "./api.ts";

/** Messages of a failed call by the field that they belong to, and what belongs to none of the fields that are shown. */
export interface FormIssues {
  /** The message at a field, by its path on the wire; also of what is below it (`budgets[0].limit_usd` for `budgets`). */
  find(path: string): string | undefined;
  /** What no field shows. */
  rest: string | undefined;
}

function isAt(issue: Issue, path: string): boolean {
  return issue.path === path || issue.path.startsWith(`${path}[`) || issue.path.startsWith(`${path}.`);
}

/**
 * @param error what a call threw; `null`: nothing did.
 * @param fields paths of the fields that the form shows.
 */
export function makeFormIssues(error: unknown, fields: readonly string[]): FormIssues {
  if (error === null || error === undefined) return { find: () => undefined, rest: undefined };
  const { issues, message } = parseFailure(error);
  const lost = issues.filter((issue) => !fields.some((path) => isAt(issue, path)));
  return {
    find: (path) => issues.find((issue) => isAt(issue, path))?.message,
    rest:
      issues.length === 0 ? message : lost.map((issue) => `${issue.path}: ${issue.message}`).join("; ") || undefined,
  };
}

import { z } from "zod";
import { makeRefusal, type Refusal } from "./error.ts";

/** A field at fault, by its name on the wire, and what is wrong with it. */
export interface InputIssue {
  path: string;
  message: string;
}

/**
 * Every field at fault.
 *
 * @param allowed names of the fields that there are, told where there is no such field.
 */
export function listInputIssues(error: z.ZodError, allowed: readonly string[] = []): InputIssue[] {
  const told = allowed.length === 0 ? "" : `; allowed: ${allowed.join(", ")}`;
  return error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      const message = `there is no such field${issue.path.length === 0 ? told : ""}`;
      return issue.keys.map((key) => ({ path: formatPath([...issue.path, key]), message }));
    }
    // Of the shapes that a value may have, the one that it nearly has says more than that it has none of them.
    const nearest = issue.code === "invalid_union" ? findNearest(issue.errors) : null;
    if (nearest !== null) {
      return nearest.map(({ path, message }) => ({ path: formatPath([...issue.path, ...path]), message }));
    }
    // A record's key at fault says why one level down.
    const inner = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    return [{ path: formatPath(issue.path), message: inner }];
  });
}

/** The faults of the shape of which only parts are wrong; `null` where the value as a whole fits none. */
function findNearest(shapes: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | null {
  return shapes.find((issues) => issues.length > 0 && issues.every(({ path }) => path.length > 0)) ?? null;
}

function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += (text === "" ? "" : ".") + String(part).slice(0, 100);
  }
  return text;
}

/** A 422 that names every field at fault, the first one as `param`. */
export function makeValidationRefusal(issues: readonly InputIssue[]): Refusal {
  const text = issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  return makeRefusal("validation_failed", `Some fields are not valid. ${text}`, {
    param: issues[0]?.path ?? null,
    issues,
  });
}

/** Checks an input against a schema of named fields. */
export function parseInput<T>(
  schema: z.core.$ZodType<T> & { shape: Readonly<Record<string, unknown>> },
  value: unknown,
): { ok: true; input: T } | { ok: false; refusal: Refusal } {
  const result = z.safeParse(schema, value);
  if (result.success) return { ok: true, input: result.data };
  return { ok: false, refusal: makeValidationRefusal(listInputIssues(result.error, Object.keys(schema.shape))) };
}

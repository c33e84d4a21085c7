import { z } from "zod";
import { AppError, type Refusal } from "../../core/error.ts";

/** Why one entry of a call of many was refused. */
export const entryError = z.object({ code: z.string(), message: z.string(), param: z.string().nullable() });

/** What is told of an entry that was refused. @throws the error itself where it is no refusal. */
export function makeEntryError(error: unknown): z.infer<typeof entryError> {
  if (!(error instanceof AppError) || error.status >= 500) throw error;
  const { code, message, param = null }: Refusal = error.refusal;
  return { code, message, param };
}

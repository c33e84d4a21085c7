import { AppError } from "../../core/error.ts";
import { type Caller, findCallerScope } from "../context.ts";

/**
 * The question as the caller may ask it: who is bound to an owner learns of that owner's calls only.
 *
 * @throws AppError `not_found` where another owner is asked for.
 */
export function limitToOwner<T extends { owner_id?: string | undefined }>(caller: Caller, input: T): T {
  const own = findCallerScope(caller).ownerId;
  if (own === null) return input;
  if (input.owner_id !== undefined && input.owner_id !== own) throw new AppError("not_found");
  return { ...input, owner_id: own };
}

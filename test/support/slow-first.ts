import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take 20 s and more, most of it waiting. Vitest knows last time's durations; a fresh clone has none, and
 * whatever long file starts last is waited for alone.
 */
const slow =
  /\/(authorization-matrix|openapi\/creations|openapi\/reads|cli-keys|workers|redis-windows|workers-restart|lease-deadlocks|embedded-postgres-kill|route-confusion\.404|key-cache|cli-users|cli-budgets|sign-in|embedded-postgres|chat-completions\.stream-dies|mass-assignment\.422|queues-page|weak-secrets\.78|stored-texts|forged-requests)\.test\.ts$/;

/** Vitest's own order, behind the files that are known to be slow. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSlow = (file: TestSpecification): boolean => slow.test(file.moduleId);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

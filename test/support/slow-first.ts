import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take 20 s and more, most of it waiting. Vitest knows last time's durations; a fresh clone has none, and
 * whatever long file starts last is waited for alone.
 */
const slow =
  /\/(workers|workers-restart|cli-keys|key-cache|chat-completions\.stream-dies|embedded-postgres-kill)\.test\.ts$/;

/** Vitest's own order, behind the files that are known to be slow. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSlow = (file: TestSpecification): boolean => slow.test(file.moduleId);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

import type { Bench } from "../measures/measure.ts";
import { openBareProxy } from "./bare-proxy.ts";
import { openDirect } from "./direct.ts";
import { openNginxProxy } from "./nginx-proxy.ts";
import { openPortkey } from "./portkey.ts";
import type { Subject } from "./subject.ts";
import { openTollgate } from "./tollgate.ts";
import { openTollgateEvalsha } from "./tollgate-evalsha.ts";

export type SubjectName = "direct" | "bare" | "nginx" | "portkey" | "tollgate" | "tollgate-evalsha";

export interface Subjects {
  readonly list: readonly Subject[];
  /** One line per subject that did not start: what was to be compared with it is not measured. */
  readonly problems: readonly string[];
  readonly setups: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

/** Starts fresh processes of the named subjects, checked by `check`; one that fails is left out and told. */
export async function openSubjects(
  bench: Bench,
  names: readonly SubjectName[],
  check: (subject: Subject) => Promise<void>,
): Promise<Subjects> {
  const list: Subject[] = [];
  const problems: string[] = [];
  for (const name of names) {
    try {
      const subject = await openSubject(bench, name);
      list.push(subject);
      try {
        await check(subject);
      } catch (error) {
        list.pop();
        await subject.close();
        throw error;
      }
    } catch (error) {
      problems.push(`${name} was left out: ${error instanceof Error ? error.message : String(error)}`);
      bench.print(`  ${problems.at(-1)}`);
    }
  }
  return {
    list,
    problems,
    setups: Object.fromEntries(list.map((subject) => [subject.name, subject.setup])),
    close: async () => {
      await Promise.all(list.map((subject) => subject.close()));
    },
  };
}

function openSubject({ upstream, cores, folder }: Bench, name: SubjectName): Promise<Subject> | Subject {
  switch (name) {
    case "direct":
      return openDirect(upstream);
    case "bare":
      return openBareProxy(upstream, cores.subject, folder);
    case "nginx":
      return openNginxProxy(upstream, cores.subject, folder);
    case "portkey":
      return openPortkey(upstream, cores.subject, folder);
    case "tollgate":
      return openTollgate(upstream, cores, folder);
    case "tollgate-evalsha":
      return openTollgateEvalsha(upstream, cores, folder);
  }
}

import { findImports, findPackageName } from "../imports.ts";
import { type Finding, findLine, findMatches, type Rule, type Source } from "../source.ts";

/** Where one thing may stand, and how it looks anywhere else. */
interface Home {
  name: string;
  isHome(path: string): boolean;
  message: string;
  /** In code, outside strings. */
  pattern?: RegExp;
  /** Inside a string or template. */
  text?: RegExp;
  /** Packages whose values (not types) may be imported at home only. */
  packages?: readonly string[];
}

function makeRule(home: Home): Rule {
  return {
    name: home.name,
    check(source: Source): Finding[] {
      if (!source.isScript || !source.isProduct || home.isHome(source.path)) return [];
      const { path, text } = source;
      const byCode = home.pattern === undefined ? [] : findMatches(source, "bare", home.pattern, home.message);
      const byText = source.strings
        .filter(({ value }) => home.text?.test(value))
        .map(({ index }) => ({ path, line: findLine(text, index), message: home.message }));
      const byPackage = findImports(source)
        .filter((found) => !found.isTypeOnly && home.packages?.includes(findPackageName(found.specifier)))
        .map(({ line }) => ({ path, line, message: home.message }));
      return [...byCode, ...byText, ...byPackage];
    },
  };
}

/** `queues.ts` and the files that it is made of. */
function isQueueFile(path: string): boolean {
  return /^server\/platform\/([a-z]+-)*queues?(-[a-z]+)*\.ts$/.test(path);
}

/** The start of a statement, strict enough that a sentence in a message is none. */
const sqlText =
  /^\s*(select\s+(\*|1\b|[\s\S]+\sfrom\s+(?!(the|a|an|your|this|its)\b)|\w+\()|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s*\(|(create|alter|drop)\s+(table|unique|index|schema|database|role|user|function|trigger|extension|type)\s|truncate\s|listen\s+\w+\s*$|notify\s+\w+\s*,|vacuum\b|set\s+local\s|lock\s+table\s)/i;

export const singleHomes: readonly Rule[] = [
  makeRule({
    name: "env-home",
    isHome: (path) => path === "server/platform/config.ts",
    message: "the environment is read in server/platform/config.ts only",
    pattern: /\bprocess\s*(\.\s*env\b|\[)|\bloadEnvFile\b|\{[^{}]*\benv\b[^{}]*\}\s*=\s*process\b/g,
  }),
  makeRule({
    name: "sql-home",
    // The supervisor makes the database that db/ then opens; platform may not import db.
    isHome: (path) => path.startsWith("db/") || path === "server/platform/embedded-postgres/database.ts",
    message: "SQL, drizzle and the database drivers stay in db/",
    pattern: /\bsql\s*(<[^<>`]*>)?\s*`/g,
    text: sqlText,
    packages: ["drizzle-orm", "postgres"],
  }),
  makeRule({
    name: "driver-home",
    isHome: (path) => path.startsWith("db/") || isQueueFile(path),
    message: "pg serves BullMQ's backend in the queue files of server/platform and nothing else",
    packages: ["pg"],
  }),
  makeRule({
    name: "clock-home",
    isHome: (path) => path === "server/platform/clock.ts" || path === "web/app/clock.ts",
    message: "time is asked of server/platform/clock.ts only; the dashboard asks web/app/clock.ts",
    pattern:
      /\bDate\s*\.\s*now\b|\bnew\s+Date\b\s*(\(\s*\)|(?!\s*\())|\bDate\s*\(\s*\)|\bperformance\s*\.\s*now\b|\bprocess\s*\.\s*hrtime\b/g,
  }),
  makeRule({
    name: "lua-home",
    isHome: () => false,
    message: "Lua stands in files of server/limits/lua",
    text: /\bredis\.p?call\s*\(|\bKEYS\[\d|\bARGV\[\d/,
  }),
  makeRule({
    name: "status-home",
    isHome: (path) => path === "server/core/error.ts" || path.startsWith("server/http/"),
    message: "status codes come from the table in server/core/error.ts (%)",
    pattern:
      /\b(status|statusCode|httpStatus)\s*[:=]\s*[45]\d\d\b|\.\s*(status|sendStatus|writeHead)\s*\(\s*[45]\d\d\b|\bstatusCode\s*=\s*[45]\d\d\b/g,
  }),
  makeRule({
    name: "metric-home",
    isHome: (path) => path === "server/platform/metrics.ts",
    message: "metrics are made in server/platform/metrics.ts only",
    pattern: /\bnew\s+(\w+\s*\.\s*)?(Counter|Gauge|Histogram|Summary)\b/g,
    packages: ["prom-client"],
  }),
  makeRule({
    name: "queue-home",
    isHome: isQueueFile,
    message: "queues and workers are made in the queue files of server/platform only",
    pattern: /\bnew\s+(\w+\s*\.\s*)?(Queue|QueueEvents|Worker|FlowProducer|JobScheduler)\b/g,
    packages: ["bullmq"],
  }),
];

/** Lua files, which are not scripts to the rules above. */
export const luaFolder: Rule = {
  name: "lua-folder",
  check: ({ path }) =>
    /^(server|workers|db|client|web)\/.*\.lua$/.test(path) && !path.startsWith("server/limits/lua/")
      ? [{ path, line: 1, message: "Lua stands in server/limits/lua" }]
      : [],
};

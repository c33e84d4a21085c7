import type { Config } from "./config.ts";

/** What a person reads after a start, on standard output. Keys only where they were just made. */
export function makeBanner(config: Config, url: string, keys: { admin: string; demo: string } | null): string {
  const rows: [string, string][] = [
    ["Dashboard", url],
    ["Gateway", `${url}/v1`],
    ["Admin API", `${url}/admin`],
    ["Health", `${url}/health`],
    ["Data", config.databaseUrl === null ? config.dataDir : `${config.dataDir} (journal); DATABASE_URL (all else)`],
    ["Redis", config.redisUrl === null ? "not configured: one gateway process" : "REDIS_URL"],
  ];
  const lines = ["", "Tollgate is ready.", "", ...rows.map(([name, value]) => `  ${name.padEnd(10)} ${value}`), ""];
  if (keys === null) return lines.join("\n");
  return [
    ...lines,
    "  These keys are shown once. Keep them; `npx tollgate keys create --admin` makes another.",
    "",
    `  Admin key: ${keys.admin}`,
    `  Demo key: ${keys.demo}`,
    "",
    "  Try it:",
    "",
    `  curl ${url}/v1/chat/completions \\`,
    `    -H "Authorization: Bearer ${keys.demo}" \\`,
    `    -H "Content-Type: application/json" \\`,
    `    -d '{"model":"echo::hello","messages":[{"role":"user","content":"Hello, Tollgate!"}]}'`,
    "",
    "  npx tollgate usage   shows what it cost.",
    "",
  ].join("\n");
}

import type postgres from "postgres";
import { findCanaries } from "./canary-scan.ts";
import { promptCanary } from "./load-client.ts";
import { dumpDatabase, readFolder } from "./stored-places.ts";

/** More would take minutes: each canary is looked for in some three hundred spellings. */
const keysMax = 2;
const bytesMax = 4_000_000;

/**
 * Looks for secrets and prompts where a run has left traces: what the processes wrote, their folders, the database.
 *
 * @param keys whole texts of keys that were used.
 * @param secrets by name, as the processes were given them.
 */
export async function listCanaryProblems(
  sql: postgres.Sql,
  members: readonly { role: string; dataDir: string; process: { output(): string } }[],
  keys: readonly string[],
  secrets: Readonly<Record<string, string>>,
): Promise<string[]> {
  const canaries: Record<string, string> = { "a prompt": promptCanary, ...secrets };
  keys.slice(0, keysMax).forEach((text, index) => {
    canaries[`key ${index}`] = text.slice(text.lastIndexOf("_") + 1);
  });
  const places: Record<string, string> = {};
  const add = (place: string, text: string): void => {
    places[place] = text.slice(0, bytesMax);
  };
  members.forEach(({ role, dataDir, process }, index) => {
    add(`output of ${role} ${index}`, process.output());
    for (const [file, text] of Object.entries(readFolder(dataDir))) add(`${role} ${index}, ${file}`, text);
  });
  for (const [table, text] of Object.entries(await dumpDatabase(sql))) add(table, text);
  return findCanaries(canaries, places).map(({ place, canary, form }) => `${canary} stands in ${place} (${form})`);
}

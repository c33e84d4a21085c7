import { openDatabase } from "../../db/client.ts";
import { hasTensorzeroKeys, listTensorzeroKeys, type TensorzeroKeyRow } from "../../db/queries/list-tensorzero-keys.ts";
import { openClock } from "../../server/platform/clock.ts";
import type { Config } from "../../server/platform/config.ts";
import { CliFailure } from "./cli-io.ts";
import { exitFailed, exitUsage } from "./exit.ts";
import type { ImportEntry } from "./keys-import.ts";

const pageRows = 1_000;
const dayMs = 86_400_000;
/** The server's clock judges the end; ours may be a little ahead of it. */
const marginMs = 3_600_000;

/**
 * Reads TensorZero's table of keys.
 *
 * @returns entries for an import, and what of the table could not be taken over as it is.
 */
export async function listTensorzeroEntries(
  url: string,
  config: Config,
): Promise<{ entries: ImportEntry[]; notes: string[] }> {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new CliFailure(
      exitUsage,
      "error: --from-tensorzero takes the URL of its PostgreSQL: postgres://user:password@host/name",
    );
  }
  const database = openDatabase({ url, applicationName: "tollgate-import", poolMax: 1, isForeign: true });
  try {
    if (!(await hasTensorzeroKeys(database.sql))) {
      throw new CliFailure(
        exitFailed,
        "That database has no table tensorzero_auth_api_key: it is not TensorZero's, or has no keys yet.",
      );
    }
    const latestMs = openClock().nowMs() + config.keys.expiryDaysMax * dayMs - marginMs;
    const entries: ImportEntry[] = [];
    let shortened = 0;
    let after = "0";
    for (let page: TensorzeroKeyRow[] | null = null; page === null || page.length === pageRows; ) {
      page = await listTensorzeroKeys(database.sql, after, pageRows);
      after = page.at(-1)?.id ?? after;
      for (const row of page) {
        const end = findEnd(row, latestMs, config.keys.allowNoExpiry);
        if (end?.getTime() !== row.expiresAt?.getTime()) shortened++;
        entries.push(makeEntry(row, end));
      }
    }
    const limit = `keys end at most ${config.keys.expiryDaysMax} days ahead here`;
    return { entries, notes: shortened === 0 ? [] : [`${shortened} of ${entries.length} get an end: ${limit}.`] };
  } finally {
    await database.close();
  }
}

/** Its keys may have no end, or one further off than is allowed here. */
function findEnd({ expiresAt }: TensorzeroKeyRow, latestMs: number, allowNoExpiry: boolean): Date | null {
  if (expiresAt === null) return allowNoExpiry ? null : new Date(latestMs);
  return expiresAt.getTime() > latestMs ? new Date(latestMs) : expiresAt;
}

function makeEntry(row: TensorzeroKeyRow, end: Date | null): ImportEntry {
  const name =
    row.description
      ?.replace(/[\p{Cc}\p{Cs}]+/gu, " ")
      .trim()
      .slice(0, 200) ?? "";
  return {
    format: "tensorzero",
    public_id: row.publicId,
    hash: row.hash,
    expires_at: end?.toISOString() ?? null,
    ...(name === "" ? {} : { name }),
    ...(row.isDisabled ? { state: "disabled" as const } : {}),
  };
}

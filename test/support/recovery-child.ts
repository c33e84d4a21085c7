import { openDatabase } from "../../db/client.ts";
import { recoverJournals } from "../../server/ledger/recovery.ts";
import { openClock } from "../../server/platform/clock.ts";
import { openLogger } from "../../server/platform/logger.ts";

/** Recovers the journals of a folder, in a process that a test can kill: `JOURNAL_DIR URL`. */
const [, , journalDir = "", url = ""] = process.argv;
const database = openDatabase({ url, applicationName: "recovery-child", poolMax: 1 });
const logger = openLogger({ level: "silent", pretty: false, access: false });
await recoverJournals({ journalDir, sql: database.sql, clock: openClock(), logger });
await database.close();

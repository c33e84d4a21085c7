import type { Config } from "./config.ts";
import type { Logger } from "./logger.ts";

/** What a gateway process is opened with. */
export interface ContextOptions {
  config: Config;
  logger: Logger;
  /** Of a migrated database. */
  databaseUrl: string;
  /** Where LISTEN connects, when it must not go through a pooler; the database itself unless given. */
  listenUrl?: string;
  /** Gives each process of a machine its own connections and journal; random unless a test wants to know it. */
  process?: string;
  /** An operator has written this process off, with the budgets that it holds: it must end. */
  onWrittenOff?: () => void;
  /** Reads the configuration anew; without it a reload finds what is there. @throws ConfigError */
  loadConfig?: () => Config;
}

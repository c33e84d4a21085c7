import type { FindClientAddress } from "../core/client-address.ts";
import type { Authenticate } from "../keys/authenticate.ts";
import type { ClientOrigins } from "../keys/client-origins.ts";
import type { CredentialVault } from "../keys/credential-vault.ts";
import type { FindKey } from "../keys/find-key.ts";
import type { LastUsed } from "../keys/last-used.ts";
import type { Flusher } from "../ledger/flusher.ts";
import type { Journal } from "../ledger/journal.ts";
import type { RefusalCounts } from "../ledger/refusal-counts.ts";
import type { BudgetLeases } from "../limits/budget-leases.ts";
import type { RateWindows } from "../limits/rate-windows.ts";
import type { RuleBook } from "../limits/rule-book.ts";
import type { Clock } from "../platform/clock.ts";
import type { Config } from "../platform/config.ts";
import type { Logger } from "../platform/logger.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { ModelTable } from "../providers/model-table.ts";
import type { Providers } from "../providers/registry.ts";
import type { AnswerBurst } from "./answer-burst.ts";
import type { MakeEventId } from "./event-ids.ts";
import type { OpenCalls } from "./open-calls.ts";
import type { OwnRecords } from "./own-records.ts";

/** What a request needs; built once per process. */
export interface ProxyContext {
  config: Config;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  authenticate: Authenticate;
  findKey: FindKey;
  findClientAddress: FindClientAddress;
  clientOrigins: ClientOrigins;
  ownRecords: OwnRecords;
  lastUsed: LastUsed;
  budgets: BudgetLeases;
  rules: RuleBook;
  rateWindows: RateWindows;
  models: ModelTable;
  providers: Providers;
  vault: CredentialVault;
  /** Uniform in [0, 1); decides between providers with weights. */
  random: () => number;
  journal: Journal;
  flusher: Flusher;
  refusals: RefusalCounts;
  makeEventId: MakeEventId;
  openCalls: OpenCalls;
  answers: AnswerBurst;
  /** Requests that are running, for the drain at the end. */
  openRequests: { count: number };
}

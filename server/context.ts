import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Database, openDatabase } from "../db/client.ts";
import { findDatabaseTime } from "../db/queries/find-database-time.ts";
import { makeOwnRecords } from "./admin/usage/own-records.ts";
import { makeFindClientAddress } from "./core/client-address.ts";
import { makeAuthenticate } from "./keys/authenticate.ts";
import { ClientOrigins } from "./keys/client-origins.ts";
import { CredentialVault } from "./keys/credential-vault.ts";
import { makeFindKey } from "./keys/find-key.ts";
import { ImportedFormats } from "./keys/imported-formats.ts";
import { KeyCache } from "./keys/key-cache.ts";
import { type KeyChannel, openKeyChannel } from "./keys/key-channel.ts";
import { openLastUsed } from "./keys/last-used.ts";
import { Flusher } from "./ledger/flusher.ts";
import { Journal } from "./ledger/journal.ts";
import { recoverJournals } from "./ledger/recovery.ts";
import { RefusalCounts } from "./ledger/refusal-counts.ts";
import { BudgetLeases } from "./limits/budget-leases.ts";
import { LeaseConnection } from "./limits/lease-connection.ts";
import { openRateWindows } from "./limits/open-rate-windows.ts";
import { openPriceBook } from "./limits/price-book.ts";
import { openProcessLease } from "./limits/process-lease.ts";
import { openProviderReporter } from "./limits/provider-reporter.ts";
import { RuleBook } from "./limits/rule-book.ts";
import { makeStoredPrices } from "./limits/stored-prices.ts";
import { type Clock, openClock } from "./platform/clock.ts";
import type { Config } from "./platform/config.ts";
import { ConfigReloader } from "./platform/config-reloader.ts";
import type { ContextOptions } from "./platform/context-options.ts";
import type { Logger } from "./platform/logger.ts";
import { type Metrics, openMetrics } from "./platform/metrics.ts";
import { openHealthBook } from "./providers/health-book.ts";
import { ModelBook } from "./providers/model-book.ts";
import { openProviders } from "./providers/registry.ts";
import { AnswerBurst } from "./proxy/answer-burst.ts";
import type { ProxyContext } from "./proxy/context.ts";
import { openEventIds } from "./proxy/event-ids.ts";
import { OpenCalls } from "./proxy/open-calls.ts";

/** Every long-lived thing of a gateway process, built once and passed down. */
export interface Context {
  config: Config;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
  database: Database;
  keyCache: KeyCache;
  keyChannel: KeyChannel;
  ruleBook: RuleBook;
  proxy: ProxyContext;
  /** Unique to this process and this start of it. */
  process: string;
  reloader: ConfigReloader;
  /** Moves what is left to PostgreSQL and ends everything, in order. Idempotent. */
  close(): Promise<void>;
}

const closeFlushMs = 10_000;
/** Open calls to one origin; made one by one as they are needed. Its purpose is to end a runaway, not to shape traffic. */
const upstreamConnectionsMax = 16_384;

/**
 * Opens everything that a gateway needs, and first brings the journals of processes that died into PostgreSQL.
 *
 * @throws when PostgreSQL cannot be reached or the journal cannot be written; nothing is left open then.
 */
export async function openContext(options: ContextOptions): Promise<Context> {
  const { config, logger, onWrittenOff = () => undefined } = options;
  const process = options.process ?? randomUUID();
  const clock = openClock();
  const metrics = openMetrics();
  const database = openDatabase({
    url: options.databaseUrl,
    listenUrl: options.listenUrl ?? options.databaseUrl,
    applicationName: "tollgate",
  });
  const journalDir = join(config.dataDir, "journal");
  let journal: Journal | null = null;
  try {
    await loadDatabaseTime(database, clock);
    await recoverJournals({ journalDir, sql: database.sql, clock, logger });
    journal = new Journal({ journalDir, process, segmentBytesMax: config.journal.segmentBytesMax, clock, metrics });
    return await openRest(config, logger, clock, metrics, database, journal, process, onWrittenOff, options.loadConfig);
  } catch (error) {
    journal?.shutDown();
    await database.close();
    throw error;
  }
}

/** Before anything is decided by the clock: how long the journal of another process has been silent, to begin with. */
async function loadDatabaseTime(database: Database, clock: Clock): Promise<void> {
  // The first query also makes the connection; the second one says what time it is.
  await findDatabaseTime(database.sql);
  const sentAtMs = clock.monotonicMs();
  const databaseMs = await findDatabaseTime(database.sql);
  clock.setDatabaseTime(databaseMs, sentAtMs, clock.monotonicMs());
}

async function openRest(
  config: Config,
  logger: Logger,
  clock: Clock,
  metrics: Metrics,
  database: Database,
  journal: Journal,
  process: string,
  onWrittenOff: () => void,
  loadConfig: () => Config = () => config,
): Promise<Context> {
  const keyCache = new KeyCache({
    database,
    clock,
    // Of now: a reload may have others.
    get plans() {
      return config.plans;
    },
    entriesMax: config.keys.cacheEntriesMax,
    graceMs: config.gateway.graceMs,
    metrics,
  });
  const openCalls = new OpenCalls();
  const imported = new ImportedFormats(database);
  const ruleBook = new RuleBook({ database, clock, logger, config });
  const health = openHealthBook();
  const models = new ModelBook(config, openPriceBook(new Map()), health);
  const storedPrices = makeStoredPrices({ database, clock, logger, onPrices: (prices) => models.setStored(prices) });
  const reloader = new ConfigReloader({
    config,
    load: loadConfig,
    clock,
    logger,
    onApplied: () => {
      models.setConfig(config);
      ruleBook.noticeConfig();
      // Keys are cut down to their owners' plans when they are read.
      keyCache.forget(null);
    },
  });
  const vault = new CredentialVault({ database, clock, logger, config });
  let listening = false;
  let clientOrigins: ClientOrigins | null = null;
  let budgets: BudgetLeases | null = null;
  const keyChannel = await openKeyChannel({
    database,
    clock,
    process,
    onChange: (publicId) => {
      keyCache.forget(publicId);
      clientOrigins?.noticeChange();
    },
    onCut: (publicId) => {
      keyCache.forget(publicId);
      const calls = openCalls.cut(publicId);
      if (calls > 0) logger.info({ public_id: publicId, calls }, "the running calls of a revoked key were ended");
    },
    listRunning: () => openCalls.listKeys(),
    onImported: (format) => imported.notice(format),
    onBudgetPressure: (windowId) => budgets?.noticePressure(windowId),
    onRules: () => ruleBook.noticeChange(),
    onPrices: () => storedPrices.noticeChange(),
    onReload: () => reloader.handleSignal(),
    onCredentials: () => vault.noticeChange(),
    onState: (up) => {
      listening = up;
      if (up) logger.debug("changes of keys are heard");
      else logger.warn("changes of keys are not heard; keys are read anew each second");
    },
  });
  keyCache.setChannel(keyChannel);
  // Before the first request: a key that was imported must not be refused because nobody has looked yet.
  await imported.load();
  await ruleBook.open(keyChannel);
  await storedPrices.open(keyChannel);
  await vault.open(keyChannel);
  clientOrigins = new ClientOrigins({ database, clock, channel: keyChannel, graceMs: config.gateway.graceMs });
  const leaseConnection = new LeaseConnection(database, process);
  const processLease = await openProcessLease(leaseConnection, process, onWrittenOff);
  const refusals = new RefusalCounts();
  const flusher = new Flusher({ database, journal, process, clock, metrics, logger, refusals, ...config.journal });
  const openBudgets = new BudgetLeases({
    connection: leaseConnection,
    clock,
    metrics,
    logger,
    flush: () => flusher.flush(),
    surplus: config.limits.budgetSurplus,
    liveProcesses: () => processLease.live(),
    onClosed: onWrittenOff,
  });
  budgets = openBudgets;
  const lastUsed = openLastUsed({ database, logger });
  const providers = openProviders({
    clock,
    connectionsPerOriginMax: upstreamConnectionsMax,
    answerBytesMax: config.gateway.responseBytesMax,
  });
  const findKey = makeFindKey({
    cache: keyCache,
    prefixes: config.keys.prefixes,
    peppers: config.peppers,
    imported,
  });
  const rateWindows = await openRateWindows({
    redisUrl: config.redisUrl,
    database,
    clock,
    logger,
    metrics,
    process,
    liveProcesses: () => processLease.live(),
  });
  const reporter = openProviderReporter({
    database,
    logger,
    process,
    list: () => {
      const used = health.list().filter(({ isUsed }) => isUsed);
      return used.map((entry) => entry.getReport(clock.monotonicMs()));
    },
  });
  const openRequests = { count: 0 };
  metrics.watch("openRequests", () => openRequests.count);
  metrics.watch("keyCacheEntries", () => keyCache.size);
  metrics.watch("journalPendingEvents", () => flusher.pending);
  metrics.watch("listenChannelUp", () => (listening ? 1 : 0));
  metrics.watch("liveProcesses", () => processLease.live());

  let closing: Promise<void> | null = null;
  async function closeAll(): Promise<void> {
    await providers.close();
    await reporter.close();
    await rateWindows.close();
    await lastUsed.close();
    await openBudgets.close();
    const left = await flusher.close(closeFlushMs);
    // A call that was cut off by the stop is charged when its journal is recovered; until then its money stays leased.
    await processLease.close(left === 0 && !openBudgets.isHolding);
    await leaseConnection.end();
    if (left > 0)
      logger.warn(
        { events: left },
        "PostgreSQL did not take all events; they are in the journal and come in at the next start",
      );
    journal.shutDown();
    keyCache.close();
    imported.close();
    await ruleBook.close();
    await storedPrices.close();
    await vault.close();
    await keyChannel.close();
    await database.close();
  }
  return {
    config,
    logger,
    metrics,
    clock,
    database,
    keyCache,
    keyChannel,
    ruleBook,
    process,
    reloader,
    proxy: {
      config,
      clock,
      logger,
      metrics,
      authenticate: makeAuthenticate({ findKey, clock }),
      findKey,
      findClientAddress: makeFindClientAddress(config.gateway.trustedProxies),
      clientOrigins,
      ownRecords: makeOwnRecords(database, clock, config.usage.rawDays),
      lastUsed,
      budgets: openBudgets,
      rules: ruleBook,
      rateWindows,
      models,
      providers,
      vault,
      random: Math.random,
      journal,
      flusher,
      refusals,
      makeEventId: openEventIds(clock),
      openCalls,
      answers: new AnswerBurst(),
      openRequests,
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

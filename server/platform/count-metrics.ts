/** Plain counters: field, metric and help. */
export const countMetrics = [
  ["keyCacheHits", "tollgate_key_cache_hits_total", "Keys answered from memory."],
  ["keyCacheMisses", "tollgate_key_cache_misses_total", "Keys that were not in memory."],
  ["keyCacheLookups", "tollgate_key_lookups_total", "Look-ups of keys in PostgreSQL."],
  ["keyLookupsRefused", "tollgate_key_lookups_refused_total", "Look-ups refused by the rate bound."],
  ["keyCacheInvalidations", "tollgate_key_invalidations_total", "Keys forgotten because they changed."],
  ["journalWriteErrors", "tollgate_journal_write_errors_total", "Failed writes to the journal."],
  ["flushBatches", "tollgate_flush_batches_total", "Batches of events moved to PostgreSQL."],
  ["flushEvents", "tollgate_flush_events_total", "Events moved to PostgreSQL."],
  ["flushFailures", "tollgate_flush_failures_total", "Batches that failed and are tried again."],
  ["leaseStatements", "tollgate_lease_statements_total", "Statements that lease budgets."],
  ["leaseFailures", "tollgate_lease_failures_total", "Of those, the ones that failed."],
  ["rateBreakerOpenings", "tollgate_rate_breaker_openings_total", "Times that rate limits were taken out of Redis."],
  ["rateSeeds", "tollgate_rate_seeds_total", "Counters of rate limits that were read from the ledger."],
  ["rateSeedFailures", "tollgate_rate_seed_failures_total", "Counters that could not be read from the ledger."],
] as const satisfies readonly (readonly [string, string, string])[];

/** The owner of an event increments its field in place, which costs nothing. Never decrement. */
export type Counts = Record<(typeof countMetrics)[number][0], number>;

/** All of them at 0. */
export function makeCounts(): Counts {
  return Object.fromEntries(countMetrics.map(([name]) => [name, 0])) as Counts;
}

/** Values that are read when a scrape comes: field, metric and help. */
export const gaugeMetrics = [
  ["keyCacheEntries", "tollgate_key_cache_entries", "Keys held in memory."],
  ["openRequests", "tollgate_open_requests", "Inference requests that are running."],
  ["journalPendingEvents", "tollgate_journal_pending_events", "Closed events that are not in PostgreSQL yet."],
  ["listenChannelUp", "tollgate_listen_channel_up", "1 while changes of keys are heard."],
  ["rateWindowsShared", "tollgate_rate_windows_shared", "0 while this process enforces its share of rate limits."],
  ["liveProcesses", "tollgate_lease_processes_live", "Gateway processes that are alive, as this one knows."],
  ["silentProcesses", "tollgate_lease_processes_silent", "Processes that lease budgets, not seen for a minute."],
  ["silentHeldUsd", "tollgate_lease_silent_usd", "What those hold, in USD."],
  ["unmergedParts", "tollgate_rollup_unmerged_parts", "Usage parts that were not in the hours after the last merge."],
  ["unmergedEvents", "tollgate_rollup_unmerged_events", "Events of those."],
  ["unmergedOldestSeconds", "tollgate_rollup_oldest_unmerged_seconds", "Age of the oldest of those."],
  [
    "unmergedRefusals",
    "tollgate_rollup_unmerged_refusals",
    "Refusals that were not in the hours after the last merge.",
  ],
  ["uncomputedDays", "tollgate_rollup_days_behind", "Days that are over and not computed from their hours yet."],
  ["bookDifferences", "tollgate_book_differences", "Differences of ledger, rollups and budgets, when last looked at."],
] as const satisfies readonly (readonly [string, string, string])[];

export type GaugeName = (typeof gaugeMetrics)[number][0];

/**
 * The settings that the embedded server is started with: a small footprint, and nothing lost that was committed.
 * They are arguments, not postgresql.conf, so that an existing cluster follows the version of Tollgate that runs it.
 */
const DEFAULTS: Readonly<Record<string, string>> = {
  max_connections: "100",
  shared_buffers: "64MB",
  work_mem: "4MB",
  maintenance_work_mem: "32MB",
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  wal_level: "replica",
  min_wal_size: "80MB",
  max_wal_size: "512MB",
  checkpoint_timeout: "10min",
  // Short statements from one machine: compiling them, or handing reads to worker processes, costs more than it gives.
  jit: "off",
  io_method: "sync",
  max_logical_replication_workers: "0",
  timezone: "UTC",
  log_timezone: "UTC",
  log_destination: "stderr",
  logging_collector: "off",
  log_min_messages: "warning",
  log_min_error_statement: "error",
  log_checkpoints: "off",
  log_line_prefix: "%m [%p] ",
};

/** The `-c` arguments: the defaults, over them `overrides`, over them what the supervisor itself relies on. */
export function makeServerArguments(port: number, overrides: Readonly<Record<string, string>>): string[] {
  const parameters = {
    ...DEFAULTS,
    ...overrides,
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
  };
  return Object.entries(parameters).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

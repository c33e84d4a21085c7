import { readTensorzeroFunctions } from "./config-tensorzero-functions.ts";
import { dropKeys, isTable, type Table, type TensorzeroReading } from "./config-tensorzero-keys.ts";
import { readTensorzeroModels } from "./config-tensorzero-models.ts";

/** Sections of things that this gateway does not do, and that no call depends on. */
const ignoredSections: Readonly<Record<string, string>> = {
  metrics: "feedback is not collected",
  evaluations: "there are no evaluations",
  optimizers: "there are no optimizations",
  autopilot: "there is no autopilot",
  clickhouse: "usage is kept in PostgreSQL: set DATABASE_URL",
  postgres: "set DATABASE_URL",
  object_storage: "no input is stored",
  tools: "tools come with the request",
};

const ignoredGatewayKeys: Readonly<Record<string, string>> = {
  bind_address: "set HOST and PORT",
  debug: "set [log] level",
  observability: "usage is always metered, and no input or output is stored",
  export: "see /metrics and the log",
  metrics: "see /metrics",
  cache: "answers are not cached",
  disable_pseudonymous_usage_analytics: "nothing is sent anywhere",
  fetch_and_encode_input_files_before_inference: "URLs in messages go to the provider as they are",
  global_outbound_http_timeout_ms: "set timeouts of providers",
  template_filesystem_access: "only plain texts are read",
  unstable_error_json: "errors are as they are",
  unstable_disable_feedback_target_validation: "feedback is not collected",
};

/**
 * Makes sections as TensorZero has them into our own: what means the same under another name is renamed, what has no effect
 * here is left out with a note, and what calls depend on and cannot be kept is a mistake. Sections of our own stay as they are.
 */
export function readTensorzero(sections: Table, reading: TensorzeroReading): Table {
  const kept = dropKeys(sections, ignoredSections, [], reading);
  if (isTable(kept.gateway)) kept.gateway = readGateway(kept.gateway, reading);
  readTensorzeroModels(kept, reading);
  if (isTable(kept.functions)) kept.functions = readTensorzeroFunctions(kept.functions, reading);
  return kept;
}

function readGateway(gateway: Table, reading: TensorzeroReading): Table {
  const rest = dropKeys(gateway, ignoredGatewayKeys, ["gateway"], reading);
  const { auth, base_path: basePath, ...more } = rest;
  if (basePath !== undefined && basePath !== "/" && basePath !== "") {
    reading.mistakes.push({
      path: "gateway.base_path",
      found: "found a base path",
      allowed: "must be left out: paths are fixed; let a proxy in front take it away",
    });
  }
  if (!isTable(auth)) return auth === undefined ? more : { ...more, auth };
  const cache = { cache: "a change of a key is in force within a second" };
  return { ...more, auth: dropKeys(auth, cache, ["gateway", "auth"], reading) };
}

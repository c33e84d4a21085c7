import { formatConfigPath } from "./config-error.ts";
import { makeTensorzeroPrice } from "./config-tensorzero-cost.ts";
import {
  dropKeys,
  isTable,
  refuseTensorzeroKeys,
  type Table,
  type TensorzeroReading,
} from "./config-tensorzero-keys.ts";

const ignoredModelKeys = { skip_relay: "there is no relay", namespace: "there are no namespaces" };

const ignoredProviderKeys = {
  discard_unknown_chunks: "chunks of a stream are passed on as they are",
  batch_cost: "there is no batch inference",
  allow_auto_detect_region: "where region is left out, AWS_REGION is read",
  include_encrypted_reasoning: "a request asks for it itself",
  beta_structured_outputs: "a request asks for it itself",
};

const refusedProviderKeys = {
  extra_body: "leave it out: a provider's requests are not changed here; let clients send the fields",
  extra_headers: "leave it out: only the gateway's own headers are sent",
  provider_tools: "leave it out: tools come with the request",
  endpoint_id: "name the model with model_id",
};

/** Reads `models`, `embedding_models` and `provider_types` of `sections`, in place; costs become `prices`. */
export function readTensorzeroModels(sections: Record<string, unknown>, reading: TensorzeroReading): void {
  const prices: Record<string, unknown> = { ...(isTable(sections.prices) ? sections.prices : {}) };
  const models = new Map<string, unknown>();
  for (const section of ["models", "embedding_models"]) {
    const table = sections[section];
    if (!isTable(table)) continue;
    for (const [name, model] of Object.entries(table)) {
      const path = [section, name];
      if (models.has(name)) {
        const allowed = "must have a name of its own: models and embedding models are called by one set of names";
        reading.mistakes.push({ path: formatConfigPath(path), found: "the name of a model too", allowed });
      } else models.set(name, isTable(model) ? readModel(model, name, path, prices, reading) : model);
    }
  }
  if (isTable(sections.embedding_models)) delete sections.embedding_models;
  if (sections.models === undefined || isTable(sections.models)) {
    if (models.size > 0 || sections.models !== undefined) sections.models = Object.fromEntries(models);
  }
  if (Object.keys(prices).length > 0) sections.prices = prices;
  if (isTable(sections.provider_types)) {
    const types = Object.entries(sections.provider_types).map(([type, value]) => [
      type,
      isTable(value)
        ? dropKeys(value, { batch: "there is no batch inference" }, ["provider_types", type], reading)
        : value,
    ]);
    sections.provider_types = Object.fromEntries(types);
  }
}

function readModel(
  model: Table,
  name: string,
  path: readonly PropertyKey[],
  prices: Record<string, unknown>,
  reading: TensorzeroReading,
): Table {
  const { providers, timeouts, ...rest } = dropKeys(model, ignoredModelKeys, path, reading);
  const shared = isTable(timeouts) ? readTimeouts(timeouts) : {};
  if (!isTable(providers)) return { ...rest, ...(providers === undefined ? {} : { providers }) };
  const made = Object.entries(providers).map(([provider, value]) => {
    const at = [...path, "providers", provider];
    return [provider, isTable(value) ? readProvider(value, at, shared, reading) : value];
  });
  setPrice(name, rest.routing, providers, path, prices, reading);
  return { ...rest, providers: Object.fromEntries(made) };
}

function readProvider(
  provider: Table,
  path: readonly PropertyKey[],
  shared: Table,
  reading: TensorzeroReading,
): Record<string, unknown> {
  const dropped = dropKeys(provider, ignoredProviderKeys, path, reading);
  const {
    cost: _cost,
    api_type: apiType,
    endpoint_url: endpointUrl,
    timeouts,
    ...rest
  } = refuseTensorzeroKeys(dropped, refusedProviderKeys, path, reading);
  if (apiType === "responses") {
    const allowed = "must be chat_completions; clients call /v1/responses themselves";
    reading.mistakes.push({ path: formatConfigPath([...path, "api_type"]), found: "found responses", allowed });
  } else if (apiType !== undefined && apiType !== "chat_completions") rest.api_type = apiType;
  if (endpointUrl !== undefined) rest.api_base = endpointUrl;
  for (const key of ["api_base", "endpoint"] as const) readAddress(rest, key, path, reading);
  // What AWS's own variables say.
  if (rest.region === "sdk") delete rest.region;
  if (typeof rest.region === "string" && rest.region.startsWith("dynamic::")) {
    const allowed = "must be a region: a client never chooses the host";
    reading.mistakes.push({ path: formatConfigPath([...path, "region"]), found: "a dynamic region", allowed });
    delete rest.region;
  }
  const own = isTable(timeouts) ? readTimeouts(timeouts) : timeouts;
  const both = isTable(own) ? { ...shared, ...own } : own === undefined ? shared : own;
  return isTable(both) && Object.keys(both).length === 0 ? rest : { ...rest, timeouts: both };
}

/** An address may be in a variable, and never come from a client. */
function readAddress(
  provider: Record<string, unknown>,
  key: string,
  path: readonly PropertyKey[],
  { env, mistakes }: TensorzeroReading,
): void {
  const value = provider[key];
  if (typeof value !== "string") return;
  if (value.startsWith("dynamic::")) {
    const allowed = "must be an address: a client never chooses the host that a credential is sent to";
    mistakes.push({ path: formatConfigPath([...path, key]), found: "a dynamic address", allowed });
    provider[key] = "http://127.0.0.1";
  } else if (value.startsWith("env::")) {
    const name = value.slice("env::".length);
    const found = env[name]?.trim();
    if (found !== undefined && found !== "") provider[key] = found;
    else {
      const allowed = "must be set, or the address stand here";
      mistakes.push({
        path: formatConfigPath([...path, key]),
        found: `environment variable ${name} is not set`,
        allowed,
      });
      provider[key] = "http://127.0.0.1";
    }
  }
}

/** `non_streaming.total_ms`, `streaming.ttft_ms` and `streaming.total_ms` beside our own keys. */
function readTimeouts(timeouts: Table): Record<string, unknown> {
  const { non_streaming: whole, streaming, ...own } = timeouts;
  const totals = [isTable(whole) ? whole.total_ms : undefined, isTable(streaming) ? streaming.total_ms : undefined];
  const numbers = totals.filter((value) => typeof value === "number");
  const firstByte = isTable(streaming) ? streaming.ttft_ms : undefined;
  return {
    // One time-out holds for both kinds here: the longer of the two.
    ...(numbers.length === 0 ? {} : { total_ms: Math.max(...numbers) }),
    ...(firstByte === undefined ? {} : { first_byte_ms: firstByte }),
    ...own,
  };
}

/** The `cost` of the first provider becomes the model's price, unless `[prices]` says one. */
function setPrice(
  name: string,
  routing: unknown,
  providers: Table,
  path: readonly PropertyKey[],
  prices: Record<string, unknown>,
  reading: TensorzeroReading,
): void {
  const order = Array.isArray(routing) ? routing.filter((each) => typeof each === "string") : Object.keys(providers);
  const costs = order.flatMap((provider) => {
    const value = providers[provider];
    return isTable(value) && value.cost !== undefined ? [{ provider, cost: value.cost }] : [];
  });
  const [first, ...others] = costs;
  if (first === undefined) return;
  const at = [...path, "providers", first.provider, "cost"];
  if (Object.hasOwn(prices, name)) {
    reading.notes.push({ path: formatConfigPath(at), text: "ignored: [prices] says another for the model" });
    return;
  }
  const price = makeTensorzeroPrice(first.cost, at, reading);
  if (price !== null) prices[name] = price;
  for (const { provider, cost } of others) {
    if (JSON.stringify(cost) === JSON.stringify(first.cost)) continue;
    const text = `ignored: a model has one price, here that of its provider ${first.provider}`;
    reading.notes.push({ path: formatConfigPath([...path, "providers", provider, "cost"]), text });
  }
}

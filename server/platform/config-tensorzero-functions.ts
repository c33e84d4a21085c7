import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { formatConfigPath } from "./config-error.ts";
import {
  dropKeys,
  isTable,
  refuseTensorzeroKeys,
  type Table,
  type TensorzeroReading,
} from "./config-tensorzero-keys.ts";

const templates = "must be left out: templates are not filled in here; let clients send the text";

const ignoredFunctionKeys = {
  description: "for people",
  system_schema: "schemas check what fills templates in, of which there are none",
  user_schema: "schemas check what fills templates in, of which there are none",
  assistant_schema: "schemas check what fills templates in, of which there are none",
  schemas: "schemas check what fills templates in, of which there are none",
  evaluators: "there are no evaluations",
  tool_choice: "tools come with the request",
  parallel_tool_calls: "tools come with the request",
};
const refusedFunctionKeys = {
  tools: "must be left out: let clients send their tools",
  experimentation: "must be left out: give the variants weights",
};
const ignoredVariantKeys = {
  json_mode: "a json function asks for JSON, and for its schema where it has one",
  retries: "set retries of providers",
  timeouts: "set timeouts of providers or models",
};
const refusedVariantKeys = {
  user_template: templates,
  assistant_template: templates,
  input_wrappers: templates,
  extra_body: "must be left out: let clients send the fields",
  extra_headers: "must be left out: only the gateway's own headers are sent",
  thinking_budget_tokens: "must be left out: let clients send what their provider calls it",
};

/** Reads `[functions]`: texts and schemas that stand in files are read from there. */
export function readTensorzeroFunctions(functions: Table, reading: TensorzeroReading): Table {
  const made = Object.entries(functions).map(([name, value]) => {
    const path = ["functions", name];
    if (!isTable(value)) return [name, value];
    const kept = dropKeys(value, ignoredFunctionKeys, path, reading);
    if (Array.isArray(kept.tools) && kept.tools.length === 0) delete kept.tools;
    const rest = refuseTensorzeroKeys(kept, refusedFunctionKeys, path, reading);
    if (typeof rest.output_schema === "string") {
      rest.output_schema = readSchema(rest.output_schema, [...path, "output_schema"], reading);
    }
    if (!isTable(rest.variants)) return [name, rest];
    const variants = Object.entries(rest.variants).map(([variant, entry]) => [
      variant,
      isTable(entry) ? readVariant(entry, [...path, "variants", variant], reading) : entry,
    ]);
    return [name, { ...rest, variants: Object.fromEntries(variants) }];
  });
  return Object.fromEntries(made);
}

function readVariant(variant: Table, path: readonly PropertyKey[], reading: TensorzeroReading): Table {
  const kept = dropKeys(variant, ignoredVariantKeys, path, reading);
  const {
    system_template: system,
    templates: named,
    ...rest
  } = refuseTensorzeroKeys(kept, refusedVariantKeys, path, reading);
  const text = system === undefined ? undefined : readText(system, [...path, "system_template"], reading);
  if (text !== undefined) rest.system_text = text;
  if (!isTable(named)) return rest;
  for (const [role, template] of Object.entries(named)) {
    const at = [...path, "templates", role];
    if (role === "system") rest.system_text = readText(template, [...at, "path"], reading) ?? "";
    else reading.mistakes.push({ path: formatConfigPath(at), found: "not supported", allowed: templates });
  }
  return rest;
}

/** A file whose text is sent as it stands; `undefined` after a mistake. TensorZero names it as a text or as `{ path = … }`. */
function readText(value: unknown, path: readonly PropertyKey[], reading: TensorzeroReading): string | undefined {
  const file = isTable(value) ? value.path : value;
  const text = readFile(file, path, reading);
  if (text === undefined || !/\{\{|\{%/.test(text)) return text?.trimEnd();
  reading.mistakes.push({
    path: formatConfigPath(path),
    found: `${String(file)} has variables`,
    allowed: "must be a plain text: templates are not filled in here",
  });
  return undefined;
}

function readSchema(file: string, path: readonly PropertyKey[], reading: TensorzeroReading): unknown {
  const text = readFile(file, path, reading);
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    reading.mistakes.push({ path: formatConfigPath(path), found: `${file} is not JSON`, allowed: "must be JSON" });
    return {};
  }
}

function readFile(file: unknown, path: readonly PropertyKey[], reading: TensorzeroReading): string | undefined {
  const refuse = (found: string): undefined => {
    reading.mistakes.push({ path: formatConfigPath(path), found, allowed: "must be a file that can be read" });
    return undefined;
  };
  if (typeof file !== "string" || file === "") return refuse("no path of a file");
  try {
    return readFileSync(resolve(reading.folder, file), "utf8");
  } catch (error) {
    return refuse(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

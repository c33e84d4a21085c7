import { readFileSync } from "node:fs";
import type postgres from "postgres";
import type { UpstreamCallRecord } from "./scripted-upstream.ts";

/** One row of `usage_event`, as far as it can be proven. */
export interface LedgerRow {
  id: string;
  public_id: string;
  model: string;
  usage_source: string;
  attempts: number;
  input_tokens: string;
  output_tokens: string;
  cost_nano_usd: string | null;
  reserved_nano_usd: string;
}

/** All requests to the upstream that carried the same id: one call of a client, with its retries. */
export interface UpstreamDispatch {
  requestId: string;
  attempts: number;
  /** What the upstream served at the last attempt that it began to answer with 200; `null`: it never did. */
  served: { promptTokens: number; completionTokens: number; isWhole: boolean } | null;
}

/** What the comparison found; every list names request ids. */
export interface LedgerVerdict {
  dispatched: number;
  rows: number;
  missing: string[];
  duplicate: string[];
  /** Charged less than was served. */
  under: string[];
  /** Charged more than was served where that is known, and more than was reserved where it is not. */
  over: string[];
  /** All rows that cannot be right, each with what is wrong: those above, and false counts of tokens and attempts. */
  wrong: string[];
  /** Public ids whose calls cost more than their budget. */
  overspent: string[];
  /** Rows that a dead gateway left open. */
  reserved: number;
  estimated: number;
  /** Journalled, but the gateway died before the upstream heard of it. */
  undispatched: number;
}

/** Nano-USD per token, and how many times what was served the upstream reports. */
interface ModelTerms {
  inputNanoUsd: bigint;
  outputNanoUsd: bigint;
  reportedTimes: bigint;
}

/** Of every model under test, 1 and 2 USD per million, but for these of `makeScriptedConfig`. */
const plainTerms: ModelTerms = { inputNanoUsd: 1_000n, outputNanoUsd: 2_000n, reportedTimes: 1n };
const specialTerms = new Map<string, ModelTerms>([
  ["exact", { ...plainTerms, inputNanoUsd: 0n }],
  ["lies", { ...plainTerms, reportedTimes: 10n }],
]);

function getTerms(model: string | undefined): ModelTerms {
  return specialTerms.get(model ?? "") ?? plainTerms;
}

/** Budgets that never begin anew, by public id, in nano-USD. */
export type BudgetLimits = ReadonlyMap<string, bigint>;

/** Reads the log of the upstream's process. */
export function loadUpstreamLog(file: string): UpstreamDispatch[] {
  const dispatches = new Map<string, UpstreamDispatch>();
  for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
    const record = JSON.parse(line) as UpstreamCallRecord & { event: "dispatch" | "completion" };
    const requestId = record.requestId ?? "";
    const dispatch = dispatches.get(requestId) ?? { requestId, attempts: 0, served: null };
    dispatches.set(requestId, dispatch);
    if (record.event === "dispatch") dispatch.attempts++;
    else if (record.status === 200) {
      const { promptTokens, completionTokens, end } = record;
      dispatch.served = { promptTokens, completionTokens, isWhole: end === "served" };
    }
  }
  return [...dispatches.values()];
}

/** True while the upstream still answers somebody. */
export function isUpstreamBusy(file: string): boolean {
  const text = readFileSync(file, "utf8");
  const count = (event: string): number => text.split(`{"event":"${event}"`).length;
  return count("dispatch") !== count("completion");
}

export async function listLedgerRows(sql: postgres.Sql): Promise<LedgerRow[]> {
  return sql<LedgerRow[]>`
    select id, public_id, model, usage_source, attempts, input_tokens, output_tokens, cost_nano_usd, reserved_nano_usd
    from usage_event order by id`;
}

/**
 * Compares the ledger with what the upstream says it served. It shares no code with the gateway.
 *
 * @param limits budgets are held against what was charged and against what was served.
 */
export function compareLedger(
  dispatches: readonly UpstreamDispatch[],
  rows: readonly LedgerRow[],
  limits: BudgetLimits = new Map(),
): LedgerVerdict {
  const byId = new Map<string, LedgerRow[]>();
  for (const row of rows) byId.set(row.id, [...(byId.get(row.id) ?? []), row]);
  const verdict: LedgerVerdict = {
    dispatched: dispatches.length,
    rows: rows.length,
    missing: [],
    duplicate: [...byId].filter(([, same]) => same.length > 1).map(([id]) => id),
    under: [],
    over: [],
    wrong: [],
    overspent: [],
    reserved: rows.filter((row) => row.usage_source === "reserved").length,
    estimated: rows.filter((row) => row.usage_source === "estimated").length,
    undispatched: 0,
  };
  for (const dispatch of dispatches) {
    const row = byId.get(dispatch.requestId)?.[0];
    byId.delete(dispatch.requestId);
    if (row === undefined) {
      verdict.missing.push(dispatch.requestId);
      continue;
    }
    const { cost, actual, most } = findCharge(row, dispatch);
    if (cost < actual) verdict.under.push(row.id);
    if (cost > most) verdict.over.push(row.id);
    verdict.wrong.push(...findMistakes(row, dispatch).map((mistake) => `${row.id}: ${mistake}`));
  }
  for (const [id, [row]] of byId) {
    verdict.undispatched++;
    if (row?.usage_source === "reported") verdict.wrong.push(`${id}: reported, but the upstream knows nothing of it`);
  }
  verdict.overspent = findOverspent(dispatches, rows, limits);
  return verdict;
}

/** What is to be charged for a dispatch: what the upstream says, and it serves no less than that but where it lies. */
function getActual({ served }: UpstreamDispatch, model: string | undefined): bigint {
  if (served === null) return 0n;
  const { inputNanoUsd, outputNanoUsd, reportedTimes } = getTerms(model);
  const once = BigInt(served.promptTokens) * inputNanoUsd + BigInt(served.completionTokens) * outputNanoUsd;
  return once * reportedTimes;
}

function findCharge(row: LedgerRow, dispatch: UpstreamDispatch): { cost: bigint; actual: bigint; most: bigint } {
  const actual = getActual(dispatch, row.model);
  const most = row.usage_source === "reported" ? actual : BigInt(row.reserved_nano_usd);
  return { cost: BigInt(row.cost_nano_usd ?? 0), actual, most };
}

/** Keys that were charged more than their budget, or for whom more was served. */
function findOverspent(
  dispatches: readonly UpstreamDispatch[],
  rows: readonly LedgerRow[],
  limits: BudgetLimits,
): string[] {
  if (limits.size === 0) return [];
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  const sum = (spends: readonly (readonly [string | undefined, bigint])[]): Map<string, bigint> => {
    const sums = new Map<string, bigint>();
    for (const [key = "", amount] of spends) sums.set(key, (sums.get(key) ?? 0n) + amount);
    return sums;
  };
  const charged = sum(rows.map((row) => [row.public_id, BigInt(row.cost_nano_usd ?? 0)]));
  const served = sum(
    dispatches.map((dispatch) => {
      const row = rowOf.get(dispatch.requestId);
      return [row?.public_id, getActual(dispatch, row?.model)];
    }),
  );
  return [...limits]
    .filter(([key, limit]) => (charged.get(key) ?? 0n) > limit || (served.get(key) ?? 0n) > limit)
    .map(([key]) => key);
}

function findMistakes(row: LedgerRow, dispatch: UpstreamDispatch): string[] {
  if (row.cost_nano_usd === null) return ["has no cost"];
  const { attempts, served } = dispatch;
  const { cost, actual } = findCharge(row, dispatch);
  const reserved = BigInt(row.reserved_nano_usd);
  const { reportedTimes } = getTerms(row.model);
  const mistakes: string[] = [];
  if (cost > reserved && reportedTimes === 1n) mistakes.push(`charged ${cost} of ${reserved} reserved`);
  if (cost < actual) mistakes.push(`charged ${cost} for ${actual} served (${row.usage_source})`);
  switch (row.usage_source) {
    case "reserved":
      if (cost !== reserved) mistakes.push(`charged ${cost}, but its end was not seen: ${reserved} was reserved`);
      break;
    case "reported": {
      const tokens = `${row.input_tokens}+${row.output_tokens}`;
      const times = Number(reportedTimes);
      const truth = served === null ? "nothing" : `${times * served.promptTokens}+${times * served.completionTokens}`;
      if (tokens !== truth) mistakes.push(`reported ${tokens}, served ${truth}`);
      if (cost !== actual) mistakes.push(`charged ${cost} for ${actual} served`);
      if (row.attempts !== attempts) mistakes.push(`${row.attempts} attempts, the upstream saw ${attempts}`);
      break;
    }
    case "estimated":
      if (row.attempts !== attempts) mistakes.push(`${row.attempts} attempts, the upstream saw ${attempts}`);
      break;
    default:
      mistakes.push(`has the source ${row.usage_source}`);
  }
  return mistakes;
}

/** One line for a person. */
export function formatVerdict(verdict: LedgerVerdict): string {
  const { dispatched, rows, missing, duplicate, under, over, wrong, overspent } = verdict;
  return (
    `dispatched ${dispatched}, rows ${rows}, missing ${missing.length}, duplicate ${duplicate.length}, ` +
    `under ${under.length}, over ${over.length}, wrong ${wrong.length}, overspent ${overspent.length}, ` +
    `estimated ${verdict.estimated}, reserved ${verdict.reserved} (of which ${verdict.undispatched} never sent)`
  );
}

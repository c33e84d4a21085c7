import type { Database } from "../../db/client.ts";
import {
  listEndingKeys,
  listKeyHours,
  listRetiredSecretUses,
  listSpentWindows,
  listUnpricedModels,
  type SpentWindow,
} from "../../db/queries/alert-sources.ts";
import type { Finding } from "../../server/core/alert-incident.ts";
import type { AlertBody } from "../../server/core/alert-schema.ts";
import { formatUsd, parseUsd } from "../../server/core/money.ts";
import { findSpikeLimit, listSimilarHours } from "../../server/core/spike.ts";

type Sql = Database["sql"];
type Measure = AlertBody["measure"];

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** So long after an hour its last calls may still come in; until then it is looked at beside the next. */
const lateMs = 5 * minuteMs;

/** What a rule finds to hold at an instant, in milliseconds since 1970. */
export async function listFindings(sql: Sql, body: AlertBody, nowMs: number): Promise<Finding[]> {
  switch (body.kind) {
    case "budget":
      return await listBudgetFindings(sql, body, nowMs);
    case "debt":
      return await listDebtFindings(sql, body, nowMs);
    case "expiry":
      return await listExpiryFindings(sql, body, nowMs);
    case "spike":
      return await listSpikeFindings(sql, body, nowMs);
    case "rotated_secret":
      return await listRetiredFindings(sql, body, nowMs);
    case "unpriced":
      return await listUnpricedFindings(sql, body, nowMs);
  }
}

function makeWindowFinding(window: SpentWindow, level: number, title: string): Finding {
  const { windowId, alias, subject, limitNanoUsd, settledNanoUsd, period, endsAt } = window;
  return {
    subject: windowId,
    publicId: window.level === "key" ? subject : null,
    title,
    facts: {
      Budget: describeWindow(window),
      ...(alias === null ? {} : { Alias: alias }),
      Limit: `${formatUsd(limitNanoUsd)} USD`,
      Spent: `${formatUsd(settledNanoUsd)} USD`,
      Period: period,
      ...(endsAt === null ? {} : { "Begins anew": endsAt.toISOString() }),
    },
    level,
  };
}

function describeWindow({ level, subject, alias }: SpentWindow): string {
  if (level === "deployment") return "the deployment";
  return level === "key" ? `key ${alias ?? subject}` : `${level} ${subject}`;
}

async function listBudgetFindings(sql: Sql, { scope, thresholds }: AlertBody, nowMs: number): Promise<Finding[]> {
  const question = { percent: thresholds[0] ?? 100, isDebt: false, now: new Date(nowMs) };
  return (await listSpentWindows(sql, scope, question)).map((window) => {
    const { settledNanoUsd, limitNanoUsd } = window;
    const level = thresholds.findLastIndex((percent) => settledNanoUsd * 100n >= limitNanoUsd * BigInt(percent));
    return makeWindowFinding(
      window,
      level,
      `${thresholds[level]} % of the budget of ${describeWindow(window)} is spent`,
    );
  });
}

async function listDebtFindings(sql: Sql, { scope, minimum_usd }: AlertBody, nowMs: number): Promise<Finding[]> {
  const least = parseUsd(minimum_usd) ?? 0n;
  const windows = await listSpentWindows(sql, scope, { percent: 100, isDebt: true, now: new Date(nowMs) });
  return windows.flatMap((window) => {
    const debt = window.settledNanoUsd - window.limitNanoUsd;
    if (debt < least) return [];
    const title = `The budget of ${describeWindow(window)} is overspent by ${formatUsd(debt)} USD`;
    return [makeWindowFinding(window, 0, title)];
  });
}

async function listExpiryFindings(sql: Sql, { scope, thresholds }: AlertBody, nowMs: number): Promise<Finding[]> {
  const keys = await listEndingKeys(sql, scope, { now: new Date(nowMs), days: thresholds[0] ?? 14 });
  return keys.map(({ publicId, alias, expiresAt }) => {
    const leftMs = expiresAt.getTime() - nowMs;
    const level = thresholds.findLastIndex((days) => leftMs <= days * dayMs);
    const days = thresholds[level];
    return {
      subject: publicId,
      publicId,
      title: `The key ${alias} ends within ${days} ${days === 1 ? "day" : "days"}`,
      facts: { Key: publicId, Alias: alias, Ends: expiresAt.toISOString() },
      level,
    };
  });
}

/** The hour that runs, and shortly after its beginning the one before. */
function listLatestHours(nowMs: number): Date[] {
  const starts = [nowMs, nowMs - lateMs].map((ms) => Math.floor(ms / hourMs) * hourMs);
  return [...new Set(starts)].map((ms) => new Date(ms));
}

async function listSpikeFindings(sql: Sql, body: AlertBody, nowMs: number): Promise<Finding[]> {
  const { measure, scope, sensitivity } = body;
  const least = measure === "spend" ? (parseUsd(body.minimum_usd) ?? 0n) : BigInt(body.minimum_count);
  const latest = await listKeyHours(sql, scope, { measure, hours: listLatestHours(nowMs), least });
  const similar = new Map(
    latest.map((each) => [each, listSimilarHours(each.hour.getTime(), each.createdAt.getTime())]),
  );
  // One question for all of them: there are at most 72 hours that any key is compared with.
  const known = await listKeyHours(sql, scope, {
    measure,
    hours: [...new Set([...similar.values()].flat())].map((ms) => new Date(ms)),
    least: 0n,
    publicIds: latest.map(({ publicId }) => publicId),
  });
  const past = new Map(known.map(({ publicId, hour, value }) => [`${publicId} ${hour.getTime()}`, value]));
  const findings = new Map<string, Finding>();
  for (const [{ publicId, alias, hour, value }, hours] of similar) {
    const limit = findSpikeLimit(
      hours.map((ms) => past.get(`${publicId} ${ms}`) ?? 0n),
      sensitivity,
    );
    if (limit === null || value <= limit.limit) continue;
    findings.set(publicId, {
      subject: publicId,
      publicId,
      title: `Unusual ${measureNames[measure]} of the key ${alias}`,
      facts: {
        Key: publicId,
        Alias: alias,
        Hour: hour.toISOString(),
        Now: describeValue(measure, value),
        Usual: describeValue(measure, limit.usual),
        "Told of above": describeValue(measure, limit.limit),
      },
      level: 0,
    });
  }
  return [...findings.values()];
}

const measureNames: Readonly<Record<Measure, string>> = {
  spend: "spend",
  requests: "number of requests",
  errors: "number of errors",
};

function describeValue(measure: Measure, value: bigint): string {
  return measure === "spend" ? `${formatUsd(value)} USD` : String(value);
}

async function listRetiredFindings(sql: Sql, body: AlertBody, nowMs: number): Promise<Finding[]> {
  const question = { hours: listLatestHours(nowMs), least: body.minimum_count, now: new Date(nowMs) };
  return (await listRetiredSecretUses(sql, body.scope, question)).map(({ publicId, alias, refusals, rotatedAt }) => ({
    subject: publicId,
    publicId,
    title: `Somebody still uses an old secret of the key ${alias}`,
    facts: { Key: publicId, Alias: alias, "Calls refused": String(refusals), Rotated: rotatedAt.toISOString() },
    level: 0,
  }));
}

async function listUnpricedFindings(sql: Sql, body: AlertBody, nowMs: number): Promise<Finding[]> {
  const question = { hours: listLatestHours(nowMs), least: body.minimum_count };
  return (await listUnpricedModels(sql, body.scope, question)).map(({ model, provider, requests }) => ({
    subject: `${provider}/${model}`,
    publicId: null,
    title: `Calls of the model ${model} have no price`,
    facts: { Model: model, Provider: provider, Calls: String(requests) },
    level: 0,
  }));
}

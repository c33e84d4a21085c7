import { describe, expect, test } from "vitest";
import { noTokens } from "../../../server/core/usage.ts";
import { openMetrics } from "../../../server/platform/metrics.ts";

/** Every label that may exist, by the name of its metric. A new label is a decision, not an accident. */
const labels: Readonly<Record<string, readonly string[]>> = {
  tollgate_requests_total: ["endpoint", "status", "code"],
  tollgate_request_duration_seconds: ["endpoint", "le"],
  tollgate_gateway_overhead_seconds: ["le"],
  tollgate_upstream_attempts_total: ["provider", "outcome"],
  tollgate_first_token_seconds: ["provider", "le"],
  tollgate_budget_refusals_total: ["level", "reason"],
  tollgate_tokens_total: ["direction"],
  tollgate_flush_duration_seconds: ["le"],
  tollgate_jobs_total: ["job", "outcome"],
  tollgate_job_duration_seconds: ["job", "le"],
  tollgate_job_lag_seconds: ["job", "le"],
};
/** Of Node itself: kinds and versions. */
const processLabels = new Set(["type", "space", "kind", "version", "major", "minor", "patch", "le"]);

function parseSamples(text: string): { name: string; labels: Record<string, string>; value: number }[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", inner = "", value = ""] = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const pairs = [...inner.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, label = "", text = ""]) => [label, text]);
      return { name, labels: Object.fromEntries(pairs), value: Number(value) };
    });
}

function fill() {
  const metrics = openMetrics();
  metrics.observeRequest("chat_completions", 200, "", 12, 0.2);
  metrics.observeRequest("chat_completions", 200, "", 40, 3);
  metrics.observeRequest("chat_completions", 401, "invalid_api_key", 0.4, 0.4);
  metrics.observeAttempt("openai", "ok");
  metrics.observeFirstToken("openai", 300);
  metrics.observeUsage({ ...noTokens, inputTokens: 10, outputTokens: 5, reasoningTokens: 2 }, 1_500_000n);
  metrics.observeUsage({ ...noTokens, inputTokens: 1 }, null);
  metrics.observeFlush(8);
  metrics.observeBudgetRefusal("owner", "exhausted");
  metrics.observeJob({ job: "expire-keys", outcome: "completed", durationMs: 5, lagMs: 20 });
  metrics.keyCacheHits += 7;
  metrics.watch("openRequests", () => 3);
  return metrics;
}

describe("the text", () => {
  test("has only our prefix and only the labels of the list", async () => {
    const samples = parseSamples(await fill().text());
    expect(samples.length).toBeGreaterThan(100);
    for (const { name, labels: found } of samples) {
      expect(name).toMatch(/^tollgate_/);
      const family = name.replace(/_(bucket|sum|count)$/, "");
      const allowed = labels[family] ?? labels[name];
      for (const label of Object.keys(found)) {
        expect(allowed?.includes(label) ?? processLabels.has(label), `${name}{${label}}`).toBe(true);
      }
    }
  });

  test("counts exactly, also at a second scrape", async () => {
    const metrics = fill();
    await metrics.text();
    const samples = parseSamples(await metrics.text());
    const find = (name: string, wanted: Record<string, string> = {}) =>
      samples.find(
        (sample) =>
          sample.name === name && Object.entries(wanted).every(([label, value]) => sample.labels[label] === value),
      )?.value;
    expect(find("tollgate_requests_total", { status: "200", code: "" })).toBe(2);
    expect(find("tollgate_requests_total", { status: "401", code: "invalid_api_key" })).toBe(1);
    expect(find("tollgate_gateway_overhead_seconds_bucket", { le: "0.0002" })).toBe(1);
    expect(find("tollgate_gateway_overhead_seconds_bucket", { le: "0.0005" })).toBe(2);
    expect(find("tollgate_gateway_overhead_seconds_bucket", { le: "+Inf" })).toBe(3);
    expect(find("tollgate_gateway_overhead_seconds_count")).toBe(3);
    expect(find("tollgate_gateway_overhead_seconds_sum")).toBeCloseTo(0.0036, 9);
    expect(find("tollgate_tokens_total", { direction: "input" })).toBe(11);
    expect(find("tollgate_cost_usd_total")).toBe(0.0015);
    expect(find("tollgate_unpriced_requests_total")).toBe(1);
    expect(find("tollgate_key_cache_hits_total")).toBe(7);
    expect(find("tollgate_open_requests")).toBe(3);
    expect(find("tollgate_budget_refusals_total", { level: "owner", reason: "exhausted" })).toBe(1);
    expect(find("tollgate_jobs_total", { job: "expire-keys", outcome: "completed" })).toBe(1);
    expect(find("tollgate_job_lag_seconds_bucket", { job: "expire-keys", le: "0.05" })).toBe(1);
  });

  test("stays small whatever is observed", async () => {
    const metrics = openMetrics();
    for (let number = 0; number < 5_000; number += 1) {
      metrics.observeRequest(`endpoint-${number}`, 200, `code-${number}`, 1, 1);
      metrics.observeFirstToken(`provider-${number}`, 1);
    }
    const samples = parseSamples(await metrics.text());
    expect(samples.filter(({ name }) => name === "tollgate_requests_total").length).toBeLessThan(500);
    expect(samples.length).toBeLessThan(10_000);
    const total = samples
      .filter(({ name }) => name === "tollgate_requests_total")
      .reduce((sum, { value }) => sum + value, 0);
    expect(total).toBe(5_000);
  });

  test("two registries share nothing", async () => {
    const first = openMetrics();
    openMetrics().keyCacheHits += 5;
    expect(await first.text()).toContain("tollgate_key_cache_hits_total 0");
  });
});

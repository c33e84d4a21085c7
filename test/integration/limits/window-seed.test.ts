import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { listWindowUses } from "../../../db/queries/list-window-uses.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import type { RateScope } from "../../../server/core/rate-limit.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openTestGateway } from "../../support/test-gateway.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

const hourMs = 3_600_000;

describe("what the ledger says of a window", () => {
  it("is the sum of each scope, in at most 256 steps, with ages that are never too old", async () => {
    const { sql } = test.database;
    const nowMs = Date.now();
    const events = Array.from({ length: 1_000 }, (_, index) =>
      makeUsageEvent(nowMs - index * 5_000, {
        publicId: (index % 2 === 0 ? "even00000000" : "odd000000000") as PublicId,
        model: index % 3 === 0 ? "m3" : "m1",
        clientIp: index % 5 === 0 ? "10.0.0.5" : "10.0.0.1",
        keyTags: index % 4 === 0 ? '{"team":"a","tier":"x"}' : "",
        inputTokens: 10,
        outputTokens: 1,
        costNanoUsd: 7n,
      }),
    );
    await insertUsageEvents(sql, "test", events);
    const inHour = events.filter(({ atMs }) => atMs > nowMs - hourMs);
    const questions: { scope: RateScope; matches: (event: (typeof events)[number]) => boolean }[] = [
      { scope: {}, matches: () => true },
      { scope: { publicId: "even00000000" }, matches: ({ publicId }) => publicId === "even00000000" },
      {
        scope: { publicId: "odd000000000", model: "m3" },
        matches: (e) => e.publicId === "odd000000000" && e.model === "m3",
      },
      { scope: { clientIp: "10.0.0.5" }, matches: ({ clientIp }) => clientIp === "10.0.0.5" },
      { scope: { keyTags: { team: "a" } }, matches: ({ keyTags }) => keyTags !== "" },
      { scope: { keyTags: { team: "b" } }, matches: () => false },
    ];
    for (const [resource, weight] of [
      ["requests", 1],
      ["tokens", 11],
      ["output_tokens", 1],
      ["cost", 7],
    ] as const) {
      const uses = await listWindowUses(
        sql,
        hourMs,
        questions.map(({ scope }) => ({ resource, scope })),
      );
      for (const [index, { matches }] of questions.entries()) {
        const own = uses.filter(({ question }) => question === index);
        const expected = inHour.filter(matches).length * weight;
        const sum = own.reduce((total, { amount }) => total + amount, 0);
        // An event at the edge of the hour may have left it between the two clocks.
        expect(expected - sum).toBeGreaterThanOrEqual(0);
        expect(expected - sum).toBeLessThanOrEqual(2 * weight);
        expect(own.length).toBeLessThanOrEqual(257);
        expect(own.every(({ firstAgeMs, lastAgeMs }) => lastAgeMs >= 0 && firstAgeMs >= lastAgeMs)).toBe(true);
        expect(own.map(({ firstAgeMs }) => firstAgeMs)).toEqual(
          own.map(({ firstAgeMs }) => firstAgeMs).sort((a, b) => b - a),
        );
      }
    }
  });
});

describe("a gateway that was started again", () => {
  it("goes on counting where it was", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "tollgate-seed-"));
    const chat = { model: "echo::demo", messages: [{ role: "user", content: "Hi." }] };
    const first = await openTestGateway({ database: test, dataDir });
    const { text } = await first.makeKey({ rateLimits: { requests_per_hour: 3, tokens_per_day: 100_000 } });
    for (let index = 0; index < 2; index++) {
      expect((await first.call("/v1/chat/completions", chat, text)).status).toBe(200);
    }
    await first.close();

    const second = await openTestGateway({ database: test, dataDir });
    const answers = await Promise.all(Array.from({ length: 3 }, () => second.call("/v1/chat/completions", chat, text)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 429, 429]);
    const served = answers.find(({ status }) => status === 200) as Response;
    expect(served.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    await second.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
});

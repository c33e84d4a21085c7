import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { listResponses } from "../../support/list-responses.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** A million rows in constant memory; in any case more than the system buffers for a connection. Series times hours. */
const isFull = process.env["TEST_TIER"] === "full";
const seriesCount = isFull ? 2_000 : 200;
const hours = 500;
const megabyte = 2 ** 20;

let admin: AdminHarness;
let key: string;
beforeAll(async () => {
  admin = await openAdminHarness();
  key = (await admin.makeKey({ permissions: ["admin:usage"] })).text;
  const { sql } = admin.test.database;
  await insertUsageEvents(sql, "test", [
    makeUsageEvent(Date.UTC(2026, 9, 24, 12), { publicId: "aaaaaaaaaaaa" as PublicId, model: "=1+1", latencyMs: 100 }),
    makeUsageEvent(Date.UTC(2026, 9, 24, 13), { publicId: "aaaaaaaaaaaa" as PublicId, model: 'a "b", c' }),
    makeUsageEvent(Date.UTC(2026, 9, 24, 14), {
      publicId: "bbbbbbbbbbbb" as PublicId,
      ownerId: "bob",
      firstTokenMs: -1,
    }),
  ]);
  await sql`select open_usage_rollups('2020-01-01')`;
  await sql`
    insert into usage_series (dims_hash, public_id, owner_id, model, provider, endpoint, status, code, origin, key_tags)
    select n, 'many', '', 'model ' || n, 'p', 'chat_completions', 200, '', '', '{}' from generate_series(1, ${seriesCount}::int) n`;
  await sql`
    insert into usage_hour (hour, series_id, requests, errors, refusals, input_tokens, cached_input_tokens, cache_write_tokens,
      output_tokens, reasoning_tokens, input_audio_tokens, output_audio_tokens, cost_nano_usd, unpriced_requests, bytes_in, bytes_out)
    select '2020-01-01T00:00:00Z'::timestamptz + h * interval '1 hour', series_id, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1
    from usage_series, generate_series(0, ${hours - 1}::int) h where public_id = 'many'`;
}, 240_000);
afterAll(() => admin.close());

async function openExport(query: string): Promise<IncomingMessage> {
  const request = get(`${admin.url}/admin/usage/export?${query}`, { headers: { authorization: `Bearer ${key}` } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

const manyRows = "from=2020-01-01&to=2020-02-01&grain=hour&group_by=key,model";

describe("GET /admin/usage/export", () => {
  it("holds the rows of the query, cells without formulas, and percentiles", async () => {
    const range = "from=2026-10-24&to=2026-10-25&group_by=key,owner,model&grain=day";
    const { status, text, headers } = await admin.send("GET", `/admin/usage/export?${range}`, key);
    expect([status, headers.get("content-disposition")]).toEqual([200, 'attachment; filename="usage.csv"']);
    const lines = text.trimEnd().split("\r\n");
    expect(lines[0]).toBe(
      "bucket,public_id,owner_id,model,requests,errors,error_rate,refusals,input_tokens,cached_input_tokens," +
        "cache_write_tokens,output_tokens,reasoning_tokens,input_audio_tokens,output_audio_tokens,cost_usd,unpriced_requests," +
        "bytes_in,bytes_out,latency_p50_ms,latency_p95_ms,latency_p99_ms,first_token_p50_ms,first_token_p95_ms," +
        "first_token_p99_ms,first_used_at,last_used_at",
    );
    expect(lines).toHaveLength(4);
    const day = "2026-10-24T00:00:00.000Z";
    const formula = lines.find((line) => line.includes("1+1"))?.split(",");
    expect(formula?.slice(0, 6)).toEqual([day, "aaaaaaaaaaaa", "", "'=1+1", "1", "0"]);
    expect(Number(formula?.[19])).toBeCloseTo(100, -1);
    expect(lines.find((line) => line.includes('c"'))).toContain('"a ""b"", c"');
    expect(
      lines
        .find((line) => line.includes("bob"))
        ?.split(",")
        .slice(22, 25),
    ).toEqual(["", "", ""]);
  });

  it("stays in constant memory however slowly it is read, and every row comes", { timeout: 600_000 }, async () => {
    const response = await openExport(manyRows);
    expect(response.statusCode).toBe(200);
    /** Of the first and of the second half. */
    const peaks = [0, 0] as [number, number];
    let lines = 0;
    const sample = (): void => {
      const half = lines < (seriesCount * hours) / 2 ? 0 : 1;
      peaks[half] = Math.max(peaks[half], process.memoryUsage.rss());
    };
    const timer = setInterval(sample, 20);
    // Nothing is read for a while: what PostgreSQL has ready must wait there.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const held = listResponses(Number(new URL(admin.url).port)).map(({ writableLength }) => writableLength);
    let bytes = 0;
    for await (const chunk of response) {
      const buffer = chunk as Buffer;
      for (let at = buffer.indexOf(10); at !== -1; at = buffer.indexOf(10, at + 1)) lines++;
      if (Math.floor((bytes + buffer.length) / (4 * megabyte)) > Math.floor(bytes / (4 * megabyte))) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      bytes += buffer.length;
      sample();
    }
    clearInterval(timer);
    expect(lines).toBe(seriesCount * hours + 1);
    console.info(
      `export: ${bytes} bytes, ${held.join()} held while nothing was read, peaks of ${peaks.map((peak) => (peak / megabyte).toFixed(0)).join(" and ")} MB`,
    );
    for (const one of held) expect(one).toBeLessThan(megabyte);
    // The garbage of a short file is as large as the file.
    expect(isFull ? peaks[1] - peaks[0] : 0).toBeLessThan(48 * megabyte);
    expect(held.length).toBeGreaterThanOrEqual(isFull ? 1 : 0);
  });

  it("frees its connection when the reader leaves, and refuses a third at once", async () => {
    const { sql } = admin.test.database;
    const [first, second] = [await openExport(manyRows), await openExport(manyRows)];
    const third = await admin.send("GET", `/admin/usage/export?${manyRows}`, key);
    expect([third.status, third.headers.get("retry-after")]).toEqual([503, "5"]);
    const countOpen = async () => {
      const [row] = await sql<{ n: number }[]>`
        select count(*)::int as n from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`;
      return row?.n ?? 0;
    };
    // A system that buffers much may have taken the whole of one already.
    expect(await countOpen()).toBeGreaterThan(0);
    first.destroy();
    second.destroy();
    await waitUntil(async () => (await countOpen()) === 0, "both transactions are over", 30_000);
    const openAgain = async () => (await openExport("from=2026-10-24&to=2026-10-25")).statusCode === 200;
    await waitUntil(openAgain, "there is a place again", 30_000);
  });

  it.each([
    ["group_by=colour", "group_by"],
    ["top=5&group_by=key", "top"],
    ["limit=5", "limit"],
    ["from=2026-10-25&to=2026-10-24", "from"],
  ])("422: %s", async (query, param) => {
    const { status, body } = await admin.send("GET", `/admin/usage/export?${query}`, key);
    expect([status, (body.error as { param: string }).param]).toEqual([422, param]);
  });
});

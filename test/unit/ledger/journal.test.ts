import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { UsageEvent } from "../../../server/core/usage-event.ts";
import { parseCloseLine, parseOpenLine } from "../../../server/core/usage-line.ts";
import { Journal, ownerFile } from "../../../server/ledger/journal.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openMetrics } from "../../../server/platform/metrics.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { makeTestFolder } from "../../support/test-folder.ts";

function openJournal(segmentBytesMax = 1_000_000) {
  const journalDir = makeTestFolder();
  const metrics = openMetrics();
  const journal = new Journal({ journalDir, process: "p1", segmentBytesMax, clock: openClock(), metrics });
  const segments = () => readdirSync(journal.folder).filter((name) => name !== ownerFile);
  return { journal, journalDir, metrics, segments };
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("Journal", () => {
  it("has an open record on file once it says so, and the close record a turn later", async () => {
    const { journal, segments } = openJournal();
    const event = makeUsageEvent(Date.now(), { usageSource: "reserved" });
    const entry = journal.open(event);
    await entry.written;
    const path = join(journal.folder, segments()[0] as string);
    const [, opened] = readFileSync(path, "utf8").split("\n");
    expect(opened?.slice(0, 2)).toBe("O\t");
    expect(parseOpenLine(opened?.slice(2) ?? "")).toMatchObject({ id: event.id, costNanoUsd: event.reservedNanoUsd });
    const ended = { ...event, usageSource: "reported" as const, costNanoUsd: 7n };
    journal.close(entry, ended);
    await nextTurn();
    const closed = readFileSync(path, "utf8").split("\n")[2];
    expect(closed?.slice(0, 2)).toBe("C\t");
    expect(parseCloseLine(closed?.slice(2) ?? "")).toMatchObject({
      id: event.id,
      usageSource: "reported",
      costNanoUsd: 7n,
    });
  });

  it("writes all records of one turn of the loop at once", async () => {
    const { journal, segments } = openJournal();
    await Promise.all(Array.from({ length: 50 }, () => journal.open(makeUsageEvent(Date.now())).written));
    const text = readFileSync(join(journal.folder, segments()[0] as string), "utf8");
    expect(text.split("\n").filter((line) => line.startsWith("O\t"))).toHaveLength(50);
  });

  it("lets a record that could not be put together harm no other", async () => {
    const { journal, segments } = openJournal();
    const [before, broken, after] = [0, 1, 2].map(() => makeUsageEvent(Date.now())) as [
      UsageEvent,
      UsageEvent,
      UsageEvent,
    ];
    const first = journal.open(before);
    expect(() => journal.open({ ...broken, model: undefined as unknown as string })).toThrow(TypeError);
    await Promise.all([first.written, journal.open(after).written]);
    const lines = readFileSync(join(journal.folder, segments()[0] as string), "utf8").split("\n");
    const opened = lines.map((line) => (line.startsWith("O\t") ? parseOpenLine(line.slice(2)) : null));
    expect(opened.flatMap((event) => event?.id ?? [])).toEqual([before.id, after.id]);
  });

  it("starts another file past the size, and removes a file only when all its events are settled", async () => {
    const { journal, segments } = openJournal(500);
    const closed = [];
    for (let index = 0; index < 12; index++) {
      const event = makeUsageEvent(Date.now());
      const entry = journal.open(event);
      await entry.written;
      closed.push(journal.close(entry, event));
    }
    await nextTurn();
    const count = segments().length;
    expect(count).toBeGreaterThan(3);
    journal.release(closed.slice(0, 3));
    const fewer = segments().length;
    expect(fewer).toBeLessThan(count);
    expect(fewer).toBeGreaterThan(1);
    journal.release(closed.slice(3));
    expect(segments()).toHaveLength(1);
    journal.shutDown();
    expect(readdirSync(join(journal.folder, ".."))).toEqual([]);
  });

  it("keeps its folder when something in it is not settled", async () => {
    const { journal } = openJournal();
    await journal.open(makeUsageEvent(Date.now())).written;
    journal.shutDown();
    expect(readdirSync(journal.folder)).toHaveLength(2);
  });
});

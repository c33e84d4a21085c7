import { describe, expect, test } from "vitest";
import { type Finding, type Incident, isActionDue, makeIncidentChanges } from "../../../server/core/alert-incident.ts";
import { makeAlertBody } from "../../../server/core/alert-rule.ts";
import { isQuiet } from "../../../server/core/quiet-hours.ts";

const startMs = Date.parse("2026-11-02T12:00:00Z");
const minuteMs = 60_000;
const finding: Finding = { subject: "w1", publicId: "abcdefghijkl", title: "Spent", facts: {}, level: 0 };

/** A rule that is evaluated each minute, with what it remembers in between as the table keeps it. */
function openTimeline(more: Partial<Parameters<typeof makeAlertBody>[0]> = {}) {
  const rule = { id: "alert_1", body: makeAlertBody({ kind: "budget", name: "Budget", ...more }) };
  let incidents: Incident[] = [];
  let count = 0;
  return {
    rule,
    incidents: () => incidents,
    evaluate(minute: number, findings: readonly Finding[]): string[] {
      const remembered = incidents.filter(
        ({ resolvedAt, resolveAnnounced }) => resolvedAt === null || !resolveAnnounced,
      );
      const changes = makeIncidentChanges(
        rule,
        findings,
        remembered,
        startMs + minute * minuteMs,
        () => `inc_${++count}`,
      );
      const others = incidents.filter((incident) => !remembered.includes(incident));
      incidents = [...others, ...changes.incidents];
      return changes.announcements.map(({ type, incident }) => `${type} ${incident.id} ${incident.level}`);
    },
  };
}

describe("an incident", () => {
  test("is told of once, at each higher threshold, and when it is over", () => {
    const line = openTimeline();
    expect(line.evaluate(0, [])).toEqual([]);
    expect(line.evaluate(1, [finding])).toEqual(["alert.opened inc_1 0"]);
    for (let minute = 2; minute < 60; minute += 1) expect(line.evaluate(minute, [finding])).toEqual([]);
    expect(line.evaluate(60, [{ ...finding, level: 2 }])).toEqual(["alert.escalated inc_1 2"]);
    expect(line.evaluate(61, [{ ...finding, level: 1 }])).toEqual([]);
    expect(line.evaluate(62, [])).toEqual(["alert.resolved inc_1 2"]);
    expect(line.evaluate(63, [])).toEqual([]);
    expect(line.evaluate(64, [finding])).toEqual(["alert.opened inc_2 0"]);
  });

  test("that comes and goes is one until it has been away long enough", () => {
    const line = openTimeline({ resolve_after_minutes: 30 });
    const told: string[] = [];
    for (let minute = 0; minute < 120; minute += 1)
      told.push(...line.evaluate(minute, minute % 20 < 5 ? [finding] : []));
    for (let minute = 120; minute < 160; minute += 1) told.push(...line.evaluate(minute, []));
    expect(told).toEqual(["alert.opened inc_1 0", "alert.resolved inc_1 0"]);
  });

  test("of two subjects is two", () => {
    const line = openTimeline();
    expect(line.evaluate(0, [finding, { ...finding, subject: "w2" }])).toHaveLength(2);
    expect(line.evaluate(1, [{ ...finding, subject: "w2" }])).toEqual(["alert.resolved inc_1 0"]);
  });

  test("in quiet hours is told of afterwards, at its highest level, and not at all where it is over by then", () => {
    const line = openTimeline({ quiet_hours: { from: "12:00", to: "13:00", timezone: "UTC" } });
    const short = { ...finding, subject: "short" };
    expect(line.evaluate(0, [finding, short])).toEqual([]);
    expect(line.evaluate(30, [{ ...finding, level: 2 }])).toEqual([]);
    expect(line.evaluate(60, [{ ...finding, level: 2 }])).toEqual(["alert.opened inc_1 2"]);
    expect(line.evaluate(61, [])).toEqual(["alert.resolved inc_1 2"]);
    expect(line.incidents().every(({ resolveAnnounced }) => resolveAnnounced)).toBe(true);
  });

  test("that was told of and ends in quiet hours is told to be over afterwards", () => {
    const line = openTimeline({ quiet_hours: { from: "12:30", to: "13:00", timezone: "UTC" } });
    expect(line.evaluate(0, [finding])).toEqual(["alert.opened inc_1 0"]);
    expect(line.evaluate(40, [])).toEqual([]);
    expect(line.evaluate(60, [])).toEqual(["alert.resolved inc_1 0"]);
    expect(line.evaluate(61, [])).toEqual([]);
  });

  test("calls for its action at the highest threshold only, once, and for keys only", () => {
    const { rule, evaluate, incidents } = openTimeline({ action: "disable" });
    evaluate(0, [finding]);
    const at = (level: number, more: Partial<Incident> = {}): boolean =>
      isActionDue(rule.body, { ...(incidents()[0] as Incident), level, ...more });
    expect([at(0), at(1), at(2)]).toEqual([false, false, true]);
    expect(at(2, { publicId: null })).toBe(false);
    expect(at(2, { actedAt: new Date(startMs) })).toBe(false);
  });
});

describe("quiet hours", () => {
  const quiet = { from: "22:00", to: "07:00", timezone: "Europe/Berlin" };
  test.each([
    ["2026-11-02T20:59:00Z", false],
    ["2026-11-02T21:00:00Z", true],
    ["2026-11-03T05:59:59Z", true],
    ["2026-11-03T06:00:00Z", false],
    // Summer time: Berlin is two hours ahead.
    ["2026-07-01T20:00:00Z", true],
    ["2026-07-01T05:00:00Z", false],
  ])("%s in Berlin: %s", (instant, expected) => {
    expect(isQuiet(quiet, Date.parse(instant))).toBe(expected);
  });

  test("within one day, and none", () => {
    const noon = { from: "12:00", to: "13:00", timezone: "UTC" };
    expect([startMs - 1, startMs, startMs + 60 * minuteMs].map((ms) => isQuiet(noon, ms))).toEqual([
      false,
      true,
      false,
    ]);
    expect(isQuiet({ ...noon, to: "12:00" }, startMs)).toBe(false);
    expect(isQuiet(null, startMs)).toBe(false);
  });
});

import type { AlertAction, AlertBody } from "./alert-schema.ts";
import { isQuiet } from "./quiet-hours.ts";

/** Something that a rule found to hold now. */
export interface Finding {
  /** Of one rule, the same as long as it is the same matter: a window, a key, a model. */
  subject: string;
  publicId: string | null;
  title: string;
  facts: Readonly<Record<string, string>>;
  /** The place of the threshold that is reached. */
  level: number;
}

/** What is remembered of a finding. */
export interface Incident extends Finding {
  id: string;
  ruleId: string;
  openedAt: Date;
  seenAt: Date;
  resolvedAt: Date | null;
  /** The level that was last told of; `null`: nothing was. */
  announcedLevel: number | null;
  resolveAnnounced: boolean;
  acknowledgedAt: Date | null;
  acknowledgedBy: string | null;
  action: AlertAction;
  actedAt: Date | null;
  actionRuleId: string | null;
}

/** What is to be sent. */
export interface Announcement {
  type: "alert.opened" | "alert.escalated" | "alert.resolved";
  incident: Incident;
}

export interface IncidentChanges {
  /** All that were given, and the new ones, as they are now. */
  incidents: Incident[];
  /** Ids of those that are new. */
  opened: ReadonlySet<string>;
  announcements: Announcement[];
}

/**
 * Holds what a rule found against what is remembered. A finding that is remembered is the same incident however often it is
 * found; it becomes another announcement only where it reaches a higher level. One that has not been found for
 * `resolve_after_minutes` is over. In quiet hours nothing is announced; afterwards what still holds is, and what is over only
 * where somebody had been told that it began.
 *
 * @param remembered the rule's incidents that are open, and those whose end was not announced yet.
 */
export function makeIncidentChanges(
  rule: { id: string; body: AlertBody },
  findings: readonly Finding[],
  remembered: readonly Incident[],
  nowMs: number,
  makeId: () => string,
): IncidentChanges {
  const now = new Date(nowMs);
  const quiet = isQuiet(rule.body.quiet_hours, nowMs);
  const bySubject = new Map(findings.map((finding) => [finding.subject, finding]));
  const incidents = remembered.map((incident) => {
    if (incident.resolvedAt !== null) return incident;
    const finding = bySubject.get(incident.subject);
    bySubject.delete(incident.subject);
    if (finding !== undefined) {
      return { ...incident, ...finding, level: Math.max(finding.level, incident.level), seenAt: now };
    }
    const isOver = nowMs - incident.seenAt.getTime() >= rule.body.resolve_after_minutes * 60_000;
    return isOver ? { ...incident, resolvedAt: now } : incident;
  });
  const opened = [...bySubject.values()].map((finding) => makeIncident(rule.id, finding, makeId(), now));
  const all = [...incidents, ...opened];
  const announcements: Announcement[] = [];
  const told = all.map((incident) => {
    const { next, type } = decideAnnouncement(incident, quiet);
    if (type !== null) announcements.push({ type, incident: next });
    return next;
  });
  return { incidents: told, opened: new Set(opened.map(({ id }) => id)), announcements };
}

function decideAnnouncement(incident: Incident, quiet: boolean): { next: Incident; type: Announcement["type"] | null } {
  const { announcedLevel, resolvedAt, level } = incident;
  if (resolvedAt !== null) {
    // Nobody was told that it began, so nobody is told that it is over.
    if (announcedLevel === null) return { next: { ...incident, resolveAnnounced: true }, type: null };
    if (quiet || incident.resolveAnnounced) return { next: incident, type: null };
    return { next: { ...incident, resolveAnnounced: true }, type: "alert.resolved" };
  }
  if (quiet || (announcedLevel !== null && announcedLevel >= level)) return { next: incident, type: null };
  const type = announcedLevel === null ? "alert.opened" : "alert.escalated";
  return { next: { ...incident, announcedLevel: level }, type };
}

function makeIncident(ruleId: string, finding: Finding, id: string, now: Date): Incident {
  return {
    ...finding,
    id,
    ruleId,
    openedAt: now,
    seenAt: now,
    resolvedAt: null,
    announcedLevel: null,
    resolveAnnounced: false,
    acknowledgedAt: null,
    acknowledgedBy: null,
    action: "none",
    actedAt: null,
    actionRuleId: null,
  };
}

/** Whether the rule's action is due: at the highest threshold, for a key, once. */
export function isActionDue(body: AlertBody, incident: Incident): boolean {
  const isTop = body.thresholds.length === 0 || incident.level >= body.thresholds.length - 1;
  return (
    body.action !== "none" &&
    isTop &&
    incident.publicId !== null &&
    incident.resolvedAt === null &&
    incident.actedAt === null
  );
}

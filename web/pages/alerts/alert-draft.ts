import type { Inputs } from "../../app/api.ts";
import { parseNumber } from "../../format/parse-number.ts";
import { type AlertKind, type AlertRule, alertKinds } from "./alert-kinds.ts";

/** A rule as it stands in the form: texts, so that what is half typed is kept. */
export interface AlertDraft {
  kind: AlertKind;
  name: string;
  publicId: string;
  ownerId: string;
  tagKey: string;
  tagValue: string;
  thresholds: string;
  measure: AlertRule["measure"];
  sensitivity: string;
  minimumUsd: string;
  minimumCount: string;
  webhooks: readonly string[];
  isQuiet: boolean;
  quietFrom: string;
  quietTo: string;
  quietZone: string;
  resolveAfter: string;
  action: AlertRule["action"];
  throttle: string;
}

/** @param rule `null`: a rule that is to be made. What is left empty of that is filled in by the gateway. */
export function makeAlertDraft(rule: AlertRule | null): AlertDraft {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return {
    kind: rule?.kind ?? "budget",
    name: rule?.name ?? "",
    publicId: rule?.scope.public_id ?? "",
    ownerId: rule?.scope.owner_id ?? "",
    tagKey: rule?.scope.tag_key ?? "",
    tagValue: rule?.scope.tag_value ?? "",
    thresholds: rule?.thresholds.join(", ") ?? "",
    measure: rule?.measure ?? "spend",
    sensitivity: rule === null ? "" : String(rule.sensitivity),
    minimumUsd: rule?.minimum_usd ?? "",
    minimumCount: rule === null ? "" : String(rule.minimum_count),
    webhooks: rule?.webhooks ?? [],
    isQuiet: rule?.quiet_hours != null,
    quietFrom: rule?.quiet_hours?.from ?? "22:00",
    quietTo: rule?.quiet_hours?.to ?? "07:00",
    quietZone: rule?.quiet_hours?.timezone ?? zone,
    resolveAfter: rule === null ? "" : String(rule.resolve_after_minutes),
    action: rule?.action ?? "none",
    throttle: rule?.throttle_requests_per_minute == null ? "" : String(rule.throttle_requests_per_minute),
  };
}

/** A field only where something stands in it. */
function pickNumber<Name extends string>(name: Name, text: string): { [Each in Name]?: number } {
  return text.trim() === "" ? {} : ({ [name]: parseNumber(text) } as { [Each in Name]?: number });
}

/** What the gateway is told: the fields that the kind has. */
export function makeAlertInput(draft: AlertDraft): Omit<Inputs["alerts"]["createRule"], "kind"> {
  const { thresholds, hasUsd, hasCount, hasAction } = alertKinds[draft.kind];
  const isSpend = draft.kind !== "spike" || draft.measure === "spend";
  const hasTag = draft.tagKey.trim() !== "";
  const action = hasAction ? draft.action : "none";
  return {
    name: draft.name,
    scope: {
      ...(draft.publicId.trim() === "" ? {} : { public_id: draft.publicId.trim() }),
      ...(draft.ownerId.trim() === "" ? {} : { owner_id: draft.ownerId.trim() }),
      ...(hasTag ? { tag_key: draft.tagKey.trim(), tag_value: draft.tagValue } : {}),
    },
    ...(thresholds === null || draft.thresholds.trim() === ""
      ? {}
      : {
          thresholds: draft.thresholds
            .split(/[\s,]+/)
            .filter(Boolean)
            .map(parseNumber),
        }),
    ...(draft.kind === "spike" ? { measure: draft.measure, ...pickNumber("sensitivity", draft.sensitivity) } : {}),
    ...(hasUsd && isSpend && draft.minimumUsd.trim() !== "" ? { minimum_usd: draft.minimumUsd.trim() } : {}),
    ...(hasCount && !(draft.kind === "spike" && isSpend) ? pickNumber("minimum_count", draft.minimumCount) : {}),
    webhooks: [...draft.webhooks],
    quiet_hours: draft.isQuiet ? { from: draft.quietFrom, to: draft.quietTo, timezone: draft.quietZone } : null,
    ...pickNumber("resolve_after_minutes", draft.resolveAfter),
    action,
    ...(action === "throttle" ? pickNumber("throttle_requests_per_minute", draft.throttle) : {}),
  };
}

/** Where a message of the gateway can stand in the form. */
export const alertFields = [
  "kind",
  "name",
  "scope",
  "thresholds",
  "measure",
  "sensitivity",
  "minimum_usd",
  "minimum_count",
  "webhooks",
  "quiet_hours",
  "resolve_after_minutes",
  "action",
  "throttle_requests_per_minute",
] as const;

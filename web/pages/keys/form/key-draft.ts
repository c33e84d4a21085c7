import type { Inputs, Outputs } from "../../../app/api.ts";
import { findNowMs } from "../../../app/clock.ts";
import type { KeyView } from "../key-badges.tsx";

export type KeyOptions = Outputs["keys"]["options"];
export type KeyType = KeyView["type"];

export interface BudgetDraft {
  id: number;
  /** As it was typed. */
  limit: string;
  period: string;
}

/** What the form holds: text as people type it. */
export interface KeyDraft {
  alias: string;
  name: string;
  description: string;
  type: KeyType;
  permissions: readonly string[];
  allModels: boolean;
  models: string;
  budgets: readonly BudgetDraft[];
  rpm: string;
  tpm: string;
  concurrent: string;
  maxOutputTokens: string;
  /** Days from now, `never`, `custom`, or `keep`. */
  expiry: string;
  customExpiry: string;
  tags: string;
  ips: string;
  origins: string;
  ownerId: string;
}

let budgetIds = 0;

export function makeBudgetDraft(limit = "", period = "30d"): BudgetDraft {
  return { id: ++budgetIds, limit, period };
}

/** What keys of a type start from. */
export const typePresets: Record<KeyType, { label: string; text: string; fields: Partial<KeyDraft> }> = {
  development: {
    label: "Development",
    text: "For your own machine and tests. A small budget, 90 days.",
    fields: { expiry: "90", rpm: "60", maxOutputTokens: "" },
  },
  production: {
    label: "Production",
    text: "For a server. Give it a budget, and the networks it calls from.",
    fields: { expiry: "90", rpm: "", maxOutputTokens: "" },
  },
  client: {
    label: "Client",
    text: "For browsers and apps, where others see it: fixed origins, 100 requests per minute, short answers.",
    fields: { expiry: "90", rpm: "100", maxOutputTokens: "1024", permissions: ["ai:inference"] },
  },
};

/** What changes in a form where another type is chosen: never beyond what the plan allows. */
export function makePreset(type: KeyType, rpmMax: number | null): Partial<KeyDraft> {
  const { fields } = typePresets[type];
  if (rpmMax === null || fields.rpm === undefined || fields.rpm === "") return { ...fields, type };
  return { ...fields, type, rpm: String(Math.min(Number(fields.rpm), rpmMax)) };
}

export function makeEmptyDraft(type: KeyType, rpmMax: number | null): KeyDraft {
  return {
    alias: "",
    name: "",
    description: "",
    type,
    permissions: ["ai:inference"],
    allModels: true,
    models: "",
    budgets: [makeBudgetDraft(type === "development" ? "5" : "")],
    rpm: "",
    tpm: "",
    concurrent: "",
    maxOutputTokens: "",
    expiry: "90",
    customExpiry: "",
    tags: "",
    ips: "",
    origins: "",
    ownerId: "",
    ...makePreset(type, rpmMax),
  };
}

/** The form of a key that there is. */
export function makeDraftOf(
  key: Omit<KeyView, "budgets"> & { budgets: readonly { limit_usd: string; period: string }[] },
): KeyDraft {
  const rate = (name: string): string => String(key.rate_limits[name] ?? "");
  return {
    alias: key.alias,
    name: key.name ?? "",
    description: key.description ?? "",
    type: key.type,
    permissions: key.permissions,
    allModels: key.models.length === 1 && key.models[0] === "*",
    models: key.models.filter((model) => model !== "*").join("\n"),
    budgets: key.budgets.map((budget) => makeBudgetDraft(budget.limit_usd, budget.period)),
    rpm: rate("requests_per_minute"),
    tpm: rate("tokens_per_minute"),
    concurrent: rate("concurrent_requests"),
    maxOutputTokens: String(key.max_output_tokens ?? ""),
    expiry: "keep",
    customExpiry: "",
    tags: Object.entries(key.tags)
      .map(([name, value]) => `${name}=${value}`)
      .join("\n"),
    ips: key.allowed_ips.join("\n"),
    origins: key.allowed_origins.join("\n"),
    ownerId: key.owner_id ?? "",
  };
}

function splitLines(text: string): string[] {
  return text.split(/[\n,]/).flatMap((line) => (line.trim() === "" ? [] : [line.trim()]));
}

function makeTags(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const at = line.indexOf("=");
      if (line.trim() === "") return [];
      return [at === -1 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]];
    }),
  );
}

const dayMs = 86_400_000;

function makeExpiry({ expiry, customExpiry }: KeyDraft): string | null | undefined {
  if (expiry === "keep") return undefined;
  if (expiry === "never") return null;
  if (expiry === "custom") return customExpiry === "" ? "" : new Date(`${customExpiry}T23:59:59Z`).toISOString();
  return new Date(findNowMs() + Number(expiry) * dayMs).toISOString();
}

const shownRates = { requests_per_minute: "rpm", tokens_per_minute: "tpm", concurrent_requests: "concurrent" } as const;

/** Limits with a name that the form has no field for stay as they are. */
function makeRates(draft: KeyDraft, before: Readonly<Record<string, number>>): Record<string, number> {
  const rates: Record<string, number> = { ...before };
  for (const [name, field] of Object.entries(shownRates)) {
    const text = draft[field].trim();
    if (text === "") delete rates[name];
    else rates[name] = Number(text);
  }
  return rates;
}

/** What the form says, as a call wants it. Mistakes are for the gateway to name. */
export function makeKeyProperties(
  draft: KeyDraft,
  before: Readonly<Record<string, number>> = {},
): Omit<Inputs["keys"]["create"], "type"> {
  const expiry = makeExpiry(draft);
  const maxTokens = draft.maxOutputTokens.trim();
  return {
    alias: draft.alias.trim(),
    name: draft.name.trim() === "" ? null : draft.name.trim(),
    description: draft.description.trim() === "" ? null : draft.description.trim(),
    permissions: [...draft.permissions],
    models: draft.allModels
      ? ["*", ...splitLines(draft.models).filter((model) => model.startsWith("!"))]
      : splitLines(draft.models),
    budgets: draft.budgets
      .filter(({ limit }) => limit.trim() !== "")
      .map(({ limit, period }) => ({ limit_usd: limit.trim(), period })),
    rate_limits: makeRates(draft, before),
    max_output_tokens: maxTokens === "" ? null : Number(maxTokens),
    tags: makeTags(draft.tags),
    allowed_ips: splitLines(draft.ips),
    allowed_origins: splitLines(draft.origins),
    ...(expiry === undefined ? {} : { expires_at: expiry }),
  };
}

/** Text to an alias: what is not allowed becomes a dash. */
export function makeAliasOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
}

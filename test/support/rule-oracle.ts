import type { z } from "zod";
import type { configRuleSchema } from "../../server/core/limit-rule.ts";
import type { RuleCall } from "../../server/limits/rule-set.ts";

export type WrittenRule = z.input<typeof configRuleSchema>;

/** The value of what an entry of a scope is about; `undefined` where the call has none. */
function findValue(entry: Readonly<Record<string, string>>, call: RuleCall, trust: boolean): string | undefined {
  const { key } = call;
  if (entry.tag_key !== undefined) {
    return key.tags[entry.tag_key] ?? (trust ? call.requestTags[entry.tag_key] : undefined);
  }
  const [name = ""] = Object.keys(entry);
  const facts: Record<string, string | null> = {
    api_key_public_id: key.publicId,
    owner_id: key.ownerId,
    model: call.model,
    client_ip: call.clientIp,
    origin: call.origin,
  };
  return facts[name] ?? undefined;
}

/** A second opinion on which limits hold, read off the page: no cache, one rule after the other. */
export function listLimitsByPage(rules: readonly WrittenRule[], call: RuleCall, trust: boolean): string[] {
  const matching = rules.filter((rule) =>
    (rule.scope ?? []).every((entry) => {
      const value = findValue(entry as Record<string, string>, call, trust);
      const wanted = entry.tag_value ?? Object.values(entry)[0] ?? "";
      if (value === undefined) return false;
      if (/::(each|total)$/.test(wanted)) return true;
      return wanted.endsWith("*") ? value.startsWith(wanted.slice(0, -1)) : value === wanted;
    }),
  );
  const top = Math.max(...matching.map(({ priority }) => priority ?? -1));
  const holding = matching.filter(({ priority, always }) => always === true || priority === top);
  const limits = holding.flatMap((rule) =>
    Object.entries(rule)
      .filter(([name]) => name.includes("_per_"))
      .map(([name, limit]) => {
        const values = (rule.scope ?? []).map((entry) => {
          const wanted = entry.tag_value ?? Object.values(entry)[0] ?? "";
          const counted =
            wanted.endsWith("::total") || wanted.endsWith("*")
              ? wanted
              : findValue(entry as Record<string, string>, call, trust);
          return `${entry.tag_key ?? Object.keys(entry)[0]}=${counted}`;
        });
        return `${name}=${String(limit)} ${[...new Set(values)].sort().join()}`;
      }),
  );
  return [...new Set(limits)].sort();
}

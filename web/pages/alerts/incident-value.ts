/** Names of facts that say how much, each with the name of what it is held against. */
const pairs = [
  ["Now", "Usual", ", usually "],
  ["Spent", "Limit", " of "],
] as const;
const singles = ["Ends", "Calls refused", "Calls"] as const;

/** How much it is against what it is held against, from the facts of an incident; `null` where they do not say. */
export function describeValue(facts: Readonly<Record<string, string>>): string | null {
  for (const [value, base, word] of pairs) {
    if (facts[value] !== undefined)
      return facts[base] === undefined ? facts[value] : `${facts[value]}${word}${facts[base]}`;
  }
  for (const name of singles) {
    if (facts[name] !== undefined) return `${name}: ${facts[name]}`;
  }
  return null;
}

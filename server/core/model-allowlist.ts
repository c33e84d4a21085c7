/** `*` stands for any run of characters; everything else for itself. Linear: no backtracking over hostile names. */
function matches(pattern: string, model: string): boolean {
  if (!pattern.includes("*")) return pattern === model;
  const parts = pattern.split("*");
  const first = parts[0] as string;
  const last = parts[parts.length - 1] as string;
  if (model.length < first.length + last.length || !model.startsWith(first) || !model.endsWith(last)) return false;
  let at = first.length;
  const end = model.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = model.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/**
 * Tells whether an allowlist lets a model be called: some pattern without `!` matches, and none with `!` does.
 * An empty list allows nothing.
 */
export function isModelAllowed(patterns: readonly string[], model: string): boolean {
  let allowed = false;
  for (const pattern of patterns) {
    if (pattern.startsWith("!")) {
      if (matches(pattern.slice(1), model)) return false;
    } else if (!allowed) allowed = matches(pattern, model);
  }
  return allowed;
}

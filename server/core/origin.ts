/** No honest origin is longer: a scheme, a host name of 253 characters, a port. */
export const originLengthMax = 300;

/**
 * Tells whether a list of origins and patterns (`https://*.example.com`: every host below, on that scheme and port) holds
 * an origin as a browser sends it.
 */
export function isOriginAllowed(allowed: readonly string[], origin: string): boolean {
  return allowed.some((entry) => {
    if (entry === origin) return true;
    const star = entry.indexOf("://*.");
    if (star === -1) return false;
    const scheme = entry.slice(0, star + 3);
    const suffix = entry.slice(star + 4);
    return origin.startsWith(scheme) && origin.endsWith(suffix) && origin.length > scheme.length + suffix.length;
  });
}

/** All entries that could hold an origin, for a look-up: itself, and a pattern for each domain above its host. */
export function listOriginEntries(origin: string): string[] {
  if (origin.length > originLengthMax) return [];
  const entries = [origin];
  const host = origin.indexOf("://") + 3;
  if (host === 2) return entries;
  for (let dot = origin.indexOf(".", host + 1); dot !== -1; dot = origin.indexOf(".", dot + 1)) {
    entries.push(`${origin.slice(0, host)}*${origin.slice(dot)}`);
  }
  return entries;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** Says what is allowed where one of `names` was expected, the nearest one first. */
export function formatAllowedNames(found: string, names: readonly string[]): string {
  if (names.length === 0) return "nothing is allowed here";
  const list = `allowed: ${names.join(", ")}`;
  if (found.length > 80) return list;
  let best: { name: string; cost: number } | null = null;
  for (const name of names) {
    const cost = distance(found.toLowerCase(), name.toLowerCase());
    if (best === null || cost < best.cost) best = { name, cost };
  }
  const near = best !== null && best.cost <= Math.max(2, Math.floor(best.name.length / 3));
  return near ? `did you mean ${best?.name}? ${list}` : list;
}

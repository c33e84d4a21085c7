/** Leaves room for `-` and a number of seven digits within the 64 characters of an alias. */
const baseLengthMax = 56;

/**
 * The alias that a name suggests: `"Prod API (Zürich)"` gives `prod-api-zurich`.
 *
 * @returns `null` where the name has no letter or digit that an alias may have.
 */
export function makeAliasBase(name: string): string | null {
  const base = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, baseLengthMax + 1)
    .replace(/^-/, "")
    .slice(0, baseLengthMax)
    .replace(/-$/, "");
  return base === "" ? null : base;
}

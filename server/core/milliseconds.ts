const fractions: readonly string[] = Array.from({ length: 1_000 }, (_, index) => `.${String(index).padStart(3, "0")}`);

/** To whole microseconds: what is measured says no more. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

/** With three decimals, as `toFixed(3)` has them but for halves; a fifth of its time. */
export function formatMs(ms: number): string {
  const us = Math.round(ms * 1_000);
  if (!(us >= 0 && us < 1e12)) return ms.toFixed(3);
  const whole = Math.floor(us / 1_000);
  return `${whole}${fractions[us - whole * 1_000]}`;
}

const whole = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** `12345` -> `12,345`. */
export function formatCount(value: number): string {
  return whole.format(value);
}

/** `12345` -> `12.3K`. */
export function formatShort(value: number): string {
  return Math.abs(value) < 10_000 ? whole.format(Math.round(value * 10) / 10) : short.format(value);
}

/** `0.0123` -> `1.2%`. */
export function formatShare(share: number): string {
  if (share === 0) return "0%";
  const percent = share * 100;
  return `${percent < 0.1 ? "<0.1" : percent < 10 ? percent.toFixed(1).replace(/\.0$/, "") : Math.round(percent)}%`;
}

const byteUnits = ["B", "KB", "MB", "GB", "TB"];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < byteUnits.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${byteUnits[unit]}`;
}

/** Milliseconds for people; `null` where nothing was measured. */
export function formatMs(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

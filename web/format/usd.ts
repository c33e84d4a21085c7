/** Decimal text in USD to a number for lengths and charts. Never for a sum: money is text here, and exact in the gateway. */
export function toPlotValue(text: string): number {
  return Number(text);
}

/** `12.5` -> `$12.50`; tiny amounts keep two digits that say something: `0.000012` -> `$0.000012`. */
export function formatMoney(text: string): string {
  const amount = Number(text);
  if (!Number.isFinite(amount)) return text;
  if (amount === 0) return "$0.00";
  const size = Math.abs(amount);
  const digits = size >= 1 ? 2 : Math.min(9, Math.max(2, 1 - Math.floor(Math.log10(size))));
  const shown = size.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: digits });
  return `${amount < 0 ? "-" : ""}$${shown}`;
}

/** A budget in a period, in decimal texts. */
interface Spend {
  spent_usd: string;
  limit_usd: string;
  /** What was added for the period. */
  extra_usd: string;
}

/** How much of a budget is spent, 0 to 1, with what was added to it. */
export function findSpentShare({ spent_usd: spent, limit_usd: limit, extra_usd: extra }: Spend): number {
  const all = toPlotValue(limit) + toPlotValue(extra);
  // Of a budget of nothing, nothing is left.
  return all > 0 ? Math.min(1, Math.max(0, toPlotValue(spent) / all)) : 1;
}

/** `of $5.00`; `of $5.00 + $2.00` where something was added for the period. */
export function formatCap({ limit_usd: limit, extra_usd: extra }: Omit<Spend, "spent_usd">): string {
  return `of ${formatMoney(limit)}${toPlotValue(extra) > 0 ? ` + ${formatMoney(extra)}` : ""}`;
}

/** A line of a chart: what it stands for, how long it is, and what is written behind it. */
export interface Bar {
  label: string;
  value: number;
  text: string;
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const barMin = 10;

/** Text from a database could move the cursor or fake output. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").trim();
}

/**
 * Bars under each other, the longest as long as `width` columns allow, without colour.
 *
 * @param ascii draws with `#`, for terminals that know nothing else.
 */
export function makeBarChart(bars: readonly Bar[], width: number, ascii = false): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const textWidth = Math.max(...bars.map(({ text }) => text.length));
  const labelMax = Math.max(barMin, Math.floor(width / 3));
  const labels = bars.map(({ label }) => cut(clean(label), labelMax));
  const labelWidth = Math.max(...labels.map((label) => label.length));
  const barWidth = Math.max(barMin, width - labelWidth - textWidth - 4);
  return bars
    .map(({ value, text }, index) => {
      const share = most > 0 ? value / most : 0;
      const line = `${(labels[index] ?? "").padEnd(labelWidth)}  ${drawBar(share * barWidth, ascii).padEnd(barWidth)}  ${text.padStart(textWidth)}`;
      return `${line.trimEnd()}\n`;
    })
    .join("");
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}~`;
}

/** What is more than nothing is seen. */
function drawBar(length: number, ascii: boolean): string {
  if (length <= 0) return "";
  if (ascii) return "#".repeat(Math.max(1, Math.round(length)));
  const whole = Math.floor(length);
  const rest = eighths[Math.floor((length - whole) * 8)] ?? "";
  return "█".repeat(whole) + (whole === 0 && rest === "" ? "▏" : rest);
}

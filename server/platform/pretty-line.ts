/** One readable line from one JSON log line; a line that is no JSON object comes back as it is. */
export function makePrettyLine(line: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, msg, err, ...rest } = fields;
  const clock = typeof time === "string" ? time.slice(11, 23) : "";
  const more = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const stack = typeof err === "object" && err !== null && "stack" in err ? `\n${String(err.stack)}` : "";
  return `${[clock, String(level).toUpperCase().padEnd(5), typeof msg === "string" ? msg : "", ...more].join(" ")}${stack}\n`;
}

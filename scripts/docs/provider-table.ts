import { type ProviderType, providerTypes } from "../../server/core/provider-type.ts";
import { hasFeature, providerFeatures } from "../../server/providers/provider-features.ts";

/** Between these two lines docs/providers.md is generated. */
const tableMarks = { start: "<!-- generated: npm run docs:providers -->", end: "<!-- end -->" } as const;

/** Writes the table of provider types and what each can do. */
function makeProviderTable(): string {
  const rows = (Object.keys(providerTypes) as ProviderType[]).map((type) => [
    `\`${type}\``,
    ...providerFeatures.map((feature) => (hasFeature(type, feature) ? "yes" : "no")),
    formatDefault(type),
  ]);
  const head = ["provider", ...providerFeatures, "credential default"];
  const widths = head.map((name, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length), name.length),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** Puts the table in its place in a page. */
export function replaceProviderTable(page: string): string {
  const start = page.indexOf(tableMarks.start);
  const end = page.indexOf(tableMarks.end);
  if (start < 0 || end < start) throw new Error("docs/providers.md has lost the marks of its table");
  return `${page.slice(0, start)}${tableMarks.start}\n\n${makeProviderTable()}\n\n${page.slice(end)}`;
}

function formatDefault(type: ProviderType): string {
  const { credential } = providerTypes[type];
  return typeof credential === "string" ? `\`${credential}\`` : `\`${credential.default}\`, \`${credential.fallback}\``;
}

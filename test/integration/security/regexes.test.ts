import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { loadTree } from "../../../scripts/tidy/tree.ts";
import { countMadeRegexes, type FoundRegex, listLiteralRegexes, loadMadeRegexes } from "../../support/regex-sources.ts";
import { RegexTimer } from "../../support/regex-timing.ts";

/** BARS.md C10: no expression of ours takes more than 10 ms over 64 KB that were made against it. */
const limitMs = 10;
const root = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");
const timer = new RegexTimer();
afterAll(() => timer.close());

/** Made while running, of a name that is ours. */
const madeLater: Readonly<Record<string, FoundRegex[]>> = {
  "server/platform/embedded-postgres/processes.ts": [
    { place: "processes.ts", source: "(^|/)postgres(\\s|$)", flags: "" },
  ],
};

/** What ships, the command line too. */
const tree = new Map(
  [...loadTree(root)].filter(([path]) => /^(server|workers|db|client|web|scripts\/cli)\/.*\.tsx?$/.test(path)),
);

test("every expression of ours is linear over 64 KB", async () => {
  const literals = listLiteralRegexes(tree);
  const counts = countMadeRegexes(tree);
  const made = loadMadeRegexes(
    root,
    [...counts.keys()].filter((path) => !(path in madeLater)),
  );
  for (const [path, count] of counts) {
    const known = madeLater[path] ?? made.filter(({ place }) => place === path);
    expect(known.length, `${path}: expressions made at load, of ${count} in its text`).toBeGreaterThanOrEqual(count);
  }
  const all = [...literals, ...made, ...Object.values(madeLater).flat()];
  const slow: string[] = [];
  let attacks = 0;
  let worst = 0;
  for (const { place, source, flags } of all) {
    const timing = await timer.measure(source, flags, limitMs);
    attacks += timing.attacks;
    worst = Math.max(worst, timing.ms);
    if (timing.ms > limitMs)
      slow.push(`${place} /${source}/${flags}: ${timing.ms} ms on ${JSON.stringify(timing.attack)}`);
    expect(timing.attacks, place).toBeGreaterThan(0);
  }
  console.info(`C10: ${all.length} expressions, ${attacks} attacks, the slowest ${worst.toFixed(2)} ms`);
  expect(slow).toEqual([]);
  expect(literals.length).toBeGreaterThan(50);
}, 300_000);

test.each([
  ["(a+)+$", ""],
  ["^(a|a)*b", ""],
  ["^(\\w+\\s?)*$", ""],
  ["\\s+$", ""],
  ["^prefix-(\\d+)*x$", "i"],
  ["x*x*y", "g"],
  ["^[a-z]+(?:[.-]?[a-z]+)*@", "u"],
])(
  "a planted /%s/%s is caught",
  async (source, flags) => {
    const planted = new Map([["server/planted.ts", `export const shape = /${source}/${flags};\n// not /this/ one\n`]]);
    const [found] = listLiteralRegexes(planted);
    expect(found).toEqual({ place: "server/planted.ts:1", source, flags });
    expect((await timer.measure(source, flags, limitMs, 500)).ms).toBeGreaterThan(limitMs);
  },
  60_000,
);

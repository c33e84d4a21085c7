import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

test("every way to start the program gives the engine the same options", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: { start: string } };
  const ways = [
    /^node (.*) dist\/scripts\/cli\/main\.js start$/.exec(scripts.start)?.[1],
    /^#!\/usr\/bin\/env -S node (.*)\n/.exec(read("scripts/cli/main.ts"))?.[1],
    /^ENTRYPOINT \["node", "(.*)", "dist\/scripts\/cli\/main\.js"\]$/m.exec(read("Dockerfile"))?.[1],
    // What tests measure the memory of.
    /execArgv: \["(.*?)"/.exec(read("test/support/gateway-process.ts"))?.[1],
  ];
  expect(ways).toEqual(ways.map(() => "--max-semi-space-size=32"));
});

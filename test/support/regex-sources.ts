import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { findLine, parseSource } from "../../scripts/tidy/source.ts";

export interface FoundRegex {
  /** Path and line. */
  place: string;
  source: string;
  flags: string;
}

/** Every literal of a tree of TypeScript. A blanked inside between two slashes is what the house rules' scan makes of one. */
export function listLiteralRegexes(tree: ReadonlyMap<string, string>): FoundRegex[] {
  return [...tree].flatMap(([path, text]) => {
    const { bare, code } = parseSource(path, text);
    return [...bare.matchAll(/\/( +)\/([dgimsuvy]*)(?![a-z])/g)].flatMap((match) => {
      const from = match.index + 1;
      const source = code.slice(from, from + (match[1] ?? "").length);
      if (source.trim() === "") return [];
      return [{ place: `${path}:${findLine(text, match.index)}`, source, flags: match[2] ?? "" }];
    });
  });
}

/** Where `new RegExp` is written, by path. */
export function countMadeRegexes(tree: ReadonlyMap<string, string>): Map<string, number> {
  const counts = [...tree].map(([path, text]): [string, number] => [
    path,
    [...parseSource(path, text).bare.matchAll(/\bRegExp\s*\(/g)].length,
  ]);
  return new Map(counts.filter(([, count]) => count > 0));
}

/** What modules make with `new RegExp` while they are loaded, in a process of its own. */
export function loadMadeRegexes(root: string, paths: readonly string[]): FoundRegex[] {
  if (paths.length === 0) return [];
  const program = `
    const made = [];
    const Plain = RegExp;
    globalThis.RegExp = new Proxy(Plain, {
      construct(target, given) {
        const regex = new target(...given);
        made.push({ source: regex.source, flags: regex.flags, stack: new Error().stack });
        return regex;
      },
    });
    for (const url of ${JSON.stringify(paths.map((path) => pathToFileURL(`${root}/${path}`).href))}) await import(url);
    console.log(JSON.stringify(made));
    process.exit(0);`;
  const output = execFileSync(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", program],
    { encoding: "utf8", maxBuffer: 1 << 26 },
  );
  const made = JSON.parse(output) as { source: string; flags: string; stack: string }[];
  return made.flatMap(({ source, flags, stack }) => {
    const caller = stack.split("\n").slice(2, 5).join("\n");
    const place = paths.find((path) => caller.includes(`/${path}`));
    return place === undefined ? [] : [{ place, source, flags }];
  });
}

/** A text that keeps a backtracking matcher busy, if anything does: a way in, something to repeat, an end that fails. */
export interface RegexAttack {
  prefix: string;
  pump: string;
  suffix: string;
}

interface Atom {
  /** Its own text, to ask what it matches. */
  text: string;
  options: Item[][] | null;
  isEmpty: boolean;
}
interface Item {
  atom: Atom;
  min: number;
  max: number;
}

const candidates = [
  ...["a", "Z", "0", " ", ".", "-", ":", "/", "_", "%", "\n", "\t", "\r"],
  ...Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)),
  "\0",
  "é",
  "\u2028",
  "\ufffe",
  "\ud800",
];

/** Reads a regular expression well enough to walk into each of its loops. */
function parseAlternatives(source: string, start: number): { options: Item[][]; end: number } {
  const options: Item[][] = [[]];
  let at = start;
  while (at < source.length && source[at] !== ")") {
    if (source[at] === "|") {
      options.push([]);
      at++;
      continue;
    }
    const { atom, end } = parseAtom(source, at);
    const quantifier = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(source.slice(end, end + 32));
    const [whole = "", sign, least, comma, most] = quantifier ?? [];
    const min = sign === undefined ? Number(least ?? 1) : sign === "+" ? 1 : 0;
    const max =
      sign !== undefined
        ? sign === "?"
          ? 1
          : Number.POSITIVE_INFINITY
        : comma === undefined || comma === ""
          ? min
          : most === ""
            ? Number.POSITIVE_INFINITY
            : Number(most);
    options[options.length - 1]?.push({ atom, min, max });
    at = end + whole.length;
  }
  return { options, end: at };
}

function parseAtom(source: string, at: number): { atom: Atom; end: number } {
  const make = (end: number, more: Partial<Atom> = {}): { atom: Atom; end: number } => ({
    atom: { text: source.slice(at, end), options: null, isEmpty: false, ...more },
    end,
  });
  const char = source[at];
  if (char === "^" || char === "$") return make(at + 1, { isEmpty: true });
  if (char === "[") {
    let end = at + 1;
    while (source[end] !== "]") end += source[end] === "\\" ? 2 : 1;
    return make(end + 1);
  }
  if (char === "\\") {
    const long = /^\\(?:u\{[^}]*\}|u[0-9a-f]{4}|x[0-9a-f]{2}|[pP]\{[^}]*\}|k<[^>]*>|c[a-z]|.)/isu.exec(
      source.slice(at, at + 64),
    );
    return make(at + (long?.[0].length ?? 2), { isEmpty: /^\\[bBk1-9]/.test(source.slice(at, at + 2)) });
  }
  if (char !== "(") return make(at + 1);
  const opening = /^\((?:\?(?::|<?[=!]|<[^>]+>))?/.exec(source.slice(at, at + 64))?.[0] ?? "(";
  const { options, end } = parseAlternatives(source, at + opening.length);
  return make(end + 1, { options, isEmpty: /^\(\?<?[=!]$/.test(opening) });
}

function listSamples(atom: Atom, flags: string): string[] {
  if (atom.options !== null) return atom.options.map((option) => makeSample(option, flags));
  if (atom.isEmpty) return [];
  const shape = new RegExp(`^(?:${atom.text})$`, flags.replace(/[gy]/g, ""));
  return [...new Set(candidates.filter((char) => shape.test(char)))].slice(0, 3);
}

function makeSample(items: readonly Item[], flags: string): string {
  return items
    .filter(({ atom }) => !(atom.isEmpty && atom.options !== null))
    .map(({ atom, min, max }) => (listSamples(atom, flags)[0] ?? "").repeat(Math.min(Math.max(min, 1), max)))
    .join("");
}

/** Ways into each loop of an expression, and every character that it knows, over and over. */
export function listAttacks(source: string, flags: string): RegexAttack[] {
  const attacks = new Map<string, RegexAttack>();
  const add = (prefix: string, pump: string): void => {
    if (pump === "") return;
    for (const suffix of ["\0", "\n!"]) attacks.set(JSON.stringify([prefix, pump, suffix]), { prefix, pump, suffix });
  };
  const walk = (options: readonly Item[][], prefix: string): void => {
    for (const items of options) {
      let before = prefix;
      for (const item of items) {
        const samples = listSamples(item.atom, flags);
        for (const sample of samples) {
          if (item.max >= 8) for (const start of new Set([before, "", `${before}${sample}`])) add(start, sample);
          add("", sample);
        }
        if (item.max >= 8 && samples.length > 1) add(before, samples.join(""));
        if (item.atom.options !== null) walk(item.atom.options, before);
        before += makeSample([item], flags);
      }
      add("", before);
    }
  };
  walk(parseAlternatives(source, 0).options, "");
  for (const pump of ["a", " ", "\u0301"]) add("", pump);
  return [...attacks.values()];
}

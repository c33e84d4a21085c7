export interface MaskedSource {
  code: string;
  bare: string;
  strings: { value: string; index: number }[];
}

/** Before a `/`, these mean that a regular expression begins; anything else means a division. */
const beforeExpression =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|delete|void|throw|new|do|else|await|yield))\s*$/;

/** Line breaks stay. */
const blank = (text: string): string =>
  text.includes("\n") ? text.replace(/[^\n]+/g, (line) => " ".repeat(line.length)) : " ".repeat(text.length);

/** What something else than plain code may begin or end with. */
const markOfCode = /["'`/{}]/g;

/**
 * Blanks comments, and in a second copy also the insides of strings, templates and regular expressions, so that a rule
 * about code is not tripped by prose. Knows enough of the grammar for this tree, not all of it: a regular expression
 * right after `)` is read as a division.
 */
export function maskSource(text: string): MaskedSource {
  let code = "";
  let bare = "";
  const strings: MaskedSource["strings"] = [];
  /** The text is taken in order, up to `taken`. */
  let taken = 0;
  const take = (to: number, isKeptInCode = true, isKeptInBare = isKeptInCode): void => {
    const piece = text.slice(taken, to);
    const blanks = isKeptInBare ? piece : blank(piece);
    code += isKeptInCode ? piece : blanks;
    bare += blanks;
    taken = to;
  };
  const takeString = (from: number, to: number): void => {
    strings.push({ value: text.slice(from, to), index: from });
    take(from);
    take(to, true, false);
  };

  const maskString = (start: number, quote: string): number => {
    let i = start + 1;
    while (i < text.length && text[i] !== quote && text[i] !== "\n") i += text[i] === "\\" ? 2 : 1;
    takeString(start + 1, i);
    return i + 1;
  };

  const maskTemplate = (start: number): number => {
    let i = start + 1;
    let from = i;
    while (i < text.length && text[i] !== "`") {
      if (text[i] === "\\") i += 2;
      else if (text.startsWith("${", i)) {
        takeString(from, i);
        i = maskCode(i + 2, true);
        from = i;
      } else i++;
    }
    takeString(from, i);
    return i + 1;
  };

  const maskRegExp = (start: number): number => {
    let i = start + 1;
    for (let inClass = false; i < text.length && text[i] !== "\n" && (inClass || text[i] !== "/"); i++) {
      if (text[i] === "\\") i++;
      else if (text[i] === "[") inClass = true;
      else if (text[i] === "]") inClass = false;
    }
    take(start + 1);
    take(i, true, false);
    return i + 1;
  };

  /** @returns the index after the end: of the text, or of the brace that closes a template's expression. */
  const maskCode = (start: number, inTemplate: boolean): number => {
    let i = start;
    for (let depth = 0; i < text.length; ) {
      markOfCode.lastIndex = i;
      if (!markOfCode.test(text)) return text.length;
      i = markOfCode.lastIndex - 1;
      const char = text[i] as string;
      if (text.startsWith("//", i) || text.startsWith("/*", i)) {
        const found = text[i + 1] === "/" ? text.indexOf("\n", i) : text.indexOf("*/", i + 2) + 2;
        const end = found < i + 2 ? text.length : found;
        take(i);
        take(end, false);
        i = end;
      } else if (char === '"' || char === "'") i = maskString(i, char);
      else if (char === "`") i = maskTemplate(i);
      else if (char === "/" && isExpressionNext(i)) i = maskRegExp(i);
      else {
        if (char === "{") depth++;
        if (char === "}" && depth-- === 0 && inTemplate) return i + 1;
        i++;
      }
    }
    return i;
  };
  const isExpressionNext = (index: number): boolean => {
    take(index);
    return beforeExpression.test(bare.slice(-80));
  };

  maskCode(0, false);
  take(text.length);
  return { code, bare, strings };
}

/** Something that must not be found, and where it was. */
export interface CanaryHit {
  place: string;
  canary: string;
  /** How it was written. */
  form: string;
}

/** Shorter pieces than this say nothing. */
const pieceLength = 12;

/** Every way to write a piece of text that the scan looks for. */
function listForms(piece: string): [form: string, text: string][] {
  const bytes = Buffer.from(piece);
  const base64 = [0, 1, 2].map((shift): [string, string] => {
    // What stands before moves the groups of three; the characters that hold none of it are the same for all.
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    return [`base64 +${shift}`, text.slice(Math.ceil((shift * 4) / 3), -1)];
  });
  const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const forms: [string, string][] = [
    ["plain", piece],
    ["hex", bytes.toString("hex")],
    ["hex, upper case", bytes.toString("hex").toUpperCase()],
    ["url-encoded", encodeURIComponent(piece)],
    ["url-encoded throughout", percent],
    ["backwards", Array.from(piece).reverse().join("")],
    ...base64,
    ...base64.map(([form, text]): [string, string] => [
      `${form}, url-safe`,
      text.replaceAll("+", "-").replaceAll("/", "_"),
    ]),
  ];
  return forms.filter(([, text], index) => forms.findIndex(([, other]) => other === text) === index);
}

/**
 * Searches places for secrets: whole, or any twelve characters of one in a row, in plain text, hex, base64 (each of the
 * three alignments, either alphabet), url-encoded.
 *
 * @param canaries secrets by a name to report them under.
 * @param places texts by a name to report them under.
 */
export function findCanaries(
  canaries: Readonly<Record<string, string>>,
  places: Readonly<Record<string, string>>,
): CanaryHit[] {
  const hits: CanaryHit[] = [];
  for (const [canary, secret] of Object.entries(canaries)) {
    if (secret.length < pieceLength) throw new Error(`${canary} is too short to be looked for`);
    const forms = new Map<string, string>();
    for (let at = 0; at + pieceLength <= secret.length; at++) {
      for (const [form, text] of listForms(secret.slice(at, at + pieceLength))) forms.set(text, form);
    }
    for (const [place, text] of Object.entries(places)) {
      for (const [needle, form] of forms) {
        if (!text.includes(needle)) continue;
        hits.push({ place, canary, form });
        break;
      }
    }
  }
  return hits;
}

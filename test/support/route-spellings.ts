import type { SeededRandom } from "./seeded-random.ts";

/** One way to write a request line and what goes with it. */
export interface RouteSpelling {
  line: string;
  headers: string[];
  /** No parser may refuse it or join it with another. */
  isPlain: boolean;
}

const methods = ["POST", "POST", "POST", "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "PROPFIND"];

/** Each takes the path's segments apart in one way; several are applied one after the other. */
const twists: readonly ((path: string, random: SeededRandom) => string)[] = [
  (path) => path.replace("/", "//"),
  (path) => path.replace(/\/(?=[^/]*$)/, "//"),
  (path) => `/.${path}`,
  (path) => `/x/..${path}`,
  (path) => `/admin/..${path}`,
  (path) => path.replace(/\/(?=[^/]*$)/, "/./"),
  (path) => path.replace(/\/(?=[^/]*$)/, "/%2e/"),
  (path) => path.replace(/\/(?=[^/]*$)/, "/%2e%2e/v1/"),
  (path) => path.replace(/\/(?=[^/]*$)/, "%2f"),
  (path) => path.replace(/\/(?=[^/]*$)/, "%2F"),
  (path) => path.replace(/\/(?=[^/]*$)/, "%5c"),
  (path) => path.replace(/\/(?=[^/]*$)/, "\\"),
  (path) => `${path}/`,
  (path) => `${path}//`,
  (path) => `${path};x=1`,
  (path) => path.replace("/v1", "/v1;x=1"),
  (path) => `${path}.json`,
  (path) => `${path}%00`,
  (path) => `${path}%20`,
  (path) => `${path}%`,
  (path) => `${path}?`,
  (path) => `${path}?/../../admin`,
  (path) => `${path}#/x`,
  (path) => path.toUpperCase(),
  (path) => path.replace("v1", "V1"),
  (path) => path.replace("/v1", "/v01"),
  (path) => path.replace("/v1", "/openai/v1"),
  (path) => path.replace("/v1", "/v1/v1"),
  (path, random) => {
    const at = 1 + random.integer(path.length - 1);
    return `${path.slice(0, at)}%${path.charCodeAt(at).toString(16)}${path.slice(at + 1)}`;
  },
  (path, random) => {
    const at = 1 + random.integer(path.length - 1);
    return path.slice(0, at) + path.charAt(at).toUpperCase() + path.slice(at + 1);
  },
  (path, random) => {
    const at = 1 + random.integer(path.length - 1);
    return `${path.slice(0, at)}%25${path.charCodeAt(at).toString(16)}${path.slice(at + 1)}`;
  },
];

const forms: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => path,
  (path) => path,
  (path) => `http://gateway${path}`,
  (path) => `http://127.0.0.1:1${path}`,
  (path) => `https://user:pass@elsewhere${path}`,
];

const hosts: readonly string[][] = [
  ["Host: gateway"],
  ["Host: gateway"],
  ["Host: localhost"],
  ["Host: 169.254.169.254"],
  ["Host: gateway:99999"],
  ["Host: admin.gateway"],
  ["Host:"],
];

const overrides = (path: string): string[][] => [
  [],
  [],
  [`X-Original-URL: ${path}`],
  [`X-Rewrite-URL: ${path}`],
  [`X-Forwarded-Path: ${path}`, "X-Forwarded-Prefix: /"],
  ["X-HTTP-Method-Override: POST"],
  ["X-Method-Override: GET", "X-HTTP-Method: GET"],
  ["X-Forwarded-Host: localhost", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1"],
];

/** Ways to write a route that a front proxy, a router and a guard might understand differently. */
export function* listRouteSpellings(
  random: SeededRandom,
  routes: readonly string[],
  count: number,
): Generator<RouteSpelling> {
  for (let index = 0; index < count; index++) {
    const route = random.pick(routes);
    let path = route;
    // The first of all are one twist each, so that none is left to chance.
    const first = twists[index % twists.length] as (typeof twists)[number];
    path = first(path, random);
    for (let more = random.integer(3); more > 0; more--) path = random.pick(twists)(path, random);
    const isOverridden = random.integer(4) === 0;
    const line = `${random.pick(methods)} ${random.pick(forms)(isOverridden ? "/" : path)} HTTP/1.1`;
    const hostLines = random.integer(40) === 0 ? ["Host: gateway", "Host: elsewhere"] : random.pick(hosts);
    const isPlain = /^[A-Z]+ [!-~]+ HTTP\/1\.1$/.test(line) && hostLines.length === 1 && !line.includes("PROPFIND");
    yield { line, headers: [...hostLines, ...random.pick(overrides(route))], isPlain };
  }
}

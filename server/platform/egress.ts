import { lookup as systemLookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { Agent, request } from "undici";
import { makeIsReachable } from "../core/public-address.ts";

/** An address of a host, as the resolver gives it. */
export interface HostAddress {
  address: string;
  family: number;
}

export type Lookup = (host: string) => Promise<readonly HostAddress[]>;

/** Why nothing came back. `refused`: the address may not be called; nothing was connected to. `failed`: it did not answer. */
export class EgressError extends Error {
  override readonly name = "EgressError";
  readonly kind: "refused" | "failed";

  constructor(kind: "refused" | "failed", message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

export interface EgressRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface EgressAnswer {
  /** A redirect too is only an answer: it is never followed. */
  status: number;
  /** The first kibibytes of it. */
  text: string;
  /** As it was sent; `null` where it was not. */
  retryAfter: string | null;
}

/** Calls to hosts that somebody named at run time: who may write a webhook may not reach this network with it. */
export interface Egress {
  /** @throws EgressError `refused` where the URL or an address of its host may not be called; `failed` where it has none. */
  check(url: string): Promise<void>;
  /** Sends one POST. @throws EgressError */
  send(request: EgressRequest): Promise<EgressAnswer>;
}

export interface EgressOptions {
  /** Networks that may be reached although they are not public. */
  allow: readonly string[];
  /** From the request to the end of its answer. */
  timeoutMs?: number;
  /** The system's resolver unless a test brings its own. */
  lookup?: Lookup;
}

const urlCharactersMax = 2_048;
const answerBytesMax = 4_096;
const headerBytesMax = 16 * 1_024;
const addressesMax = 32;
const timeoutMsDefault = 10_000;

interface Target {
  url: URL;
  /** Checked, all of them. */
  addresses: readonly HostAddress[];
}

/**
 * Makes the guarded way out. A host is resolved once; every address that it has must be reachable (see
 * {@link makeIsReachable}), and the connection goes to one of these and no other, whatever the name resolves to by then.
 * Plain http goes only to networks of `allow`: on the way through the Internet anybody would read it.
 */
export function openEgress(options: EgressOptions): Egress {
  const { isReachable, isAllowed } = makeIsReachable(options.allow);
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault;
  const lookup: Lookup = options.lookup ?? ((host) => systemLookup(host, { all: true, verbatim: true }));

  async function findTarget(text: string, signal: AbortSignal): Promise<Target> {
    const url = parseEgressUrl(text);
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const family = isIP(host);
    const addresses = family === 0 ? await resolve(host, lookup, signal) : [{ address: host, family }];
    if (!addresses.every(({ address }) => isReachable(address))) {
      throw new EgressError(
        "refused",
        "its host has an address that is not public; [egress] allow in the config lets one in",
      );
    }
    if (url.protocol === "http:" && !addresses.every(({ address }) => isAllowed(address))) {
      throw new EgressError("refused", "must be https, but for networks that [egress] allow in the config names");
    }
    return { url, addresses };
  }

  return {
    async check(url) {
      await findTarget(url, AbortSignal.timeout(timeoutMs));
    },
    async send({ url, headers, body }) {
      const signal = AbortSignal.timeout(timeoutMs);
      const target = await findTarget(url, signal);
      const agent = new Agent({
        connect: { lookup: makePinnedLookup(target.addresses), timeout: timeoutMs },
        connections: 1,
        maxHeaderSize: headerBytesMax,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      try {
        const answer = await request(target.url, {
          dispatcher: agent,
          method: "POST",
          headers: { ...headers },
          body,
          signal,
        });
        const retryAfter = answer.headers["retry-after"];
        return {
          status: answer.statusCode,
          text: await readStart(answer.body),
          retryAfter: typeof retryAfter === "string" ? retryAfter : null,
        };
      } catch (error) {
        throw new EgressError(
          "failed",
          signal.aborted ? `did not answer within ${timeoutMs / 1_000} s` : describe(error),
          error,
        );
      } finally {
        // What is left of an answer that was too long ends with the connection.
        await agent.destroy().catch(() => undefined);
      }
    },
  };
}

/** @throws EgressError `refused` for what is no plain http or https URL. */
function parseEgressUrl(text: string): URL {
  if (text.length > urlCharactersMax || !URL.canParse(text)) {
    throw new EgressError("refused", `must be an https URL of at most ${urlCharactersMax} characters`);
  }
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new EgressError("refused", "must be an https URL");
  if (url.username !== "" || url.password !== "") {
    throw new EgressError("refused", "must not hold a user name or a password");
  }
  if (url.hash !== "") throw new EgressError("refused", "must not have a fragment (#…)");
  return url;
}

async function resolve(host: string, lookup: Lookup, signal: AbortSignal): Promise<readonly HostAddress[]> {
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new EgressError("failed", "its host could not be resolved in time")));
  });
  const found = await Promise.race([lookup(host), late]).catch((error: unknown) => {
    throw error instanceof EgressError ? error : new EgressError("failed", "its host cannot be resolved", error);
  });
  if (found.length === 0) throw new EgressError("failed", "its host has no address");
  if (found.length > addressesMax) throw new EgressError("refused", `its host has more than ${addressesMax} addresses`);
  return found;
}

/** Answers what was checked. Node asks it for names only: an address in the URL is itself what was checked. */
function makePinnedLookup(addresses: readonly HostAddress[]): LookupFunction {
  const [first] = addresses;
  return (_host, { all }, callback) => {
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? "", first?.family ?? 4);
  };
}

async function readStart(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= answerBytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, answerBytesMax).toString("utf8");
}

/** The kind of a network error without its addresses. */
function describe(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[A-Z0-9_]{2,60}$/.test(code) ? `the connection failed (${code})` : "the connection failed";
}

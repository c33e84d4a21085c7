import { expect } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "./gateway-process.ts";

/** A browser of one user: it keeps cookies, and says where its pages come from. */
export interface Browser {
  /** `NAME=VALUE; …`, empty before signing in. */
  cookie: string;
  origin: string;
  /** Lines of `Set-Cookie` of the last answer that had any. */
  setCookies: string[];
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string | null>,
  ): Promise<{ status: number; body: Record<string, unknown>; text: string; headers: Headers }>;
}

const password = "correct horse battery staple";

/** A browser without cookies. */
export function makeBrowser(url: string, origin = url): Browser {
  const browser: Browser = {
    cookie: "",
    origin,
    setCookies: [],
    async send(method, path, body, headers = {}) {
      const all: Record<string, string | null> = {
        origin: method === "GET" ? null : browser.origin,
        cookie: browser.cookie === "" ? null : browser.cookie,
        "content-type": method === "GET" || method === "DELETE" ? null : "application/json",
        ...headers,
      };
      const response = await fetch(url + path, {
        method,
        redirect: "manual",
        headers: Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
        body:
          body === undefined
            ? method === "GET" || method === "DELETE"
              ? null
              : "{}"
            : typeof body === "string"
              ? body
              : JSON.stringify(body),
      });
      const lines = response.headers.getSetCookie();
      if (lines.length > 0) {
        browser.setCookies = lines;
        browser.cookie = lines
          .filter((line) => !/max-age=0/i.test(line))
          .map((line) => line.slice(0, line.indexOf(";")))
          .join("; ");
      }
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.startsWith("application/json") === true && text !== "";
      const parsed: unknown = isJson ? JSON.parse(text) : {};
      return {
        status: response.status,
        text,
        headers: response.headers,
        body: typeof parsed === "object" && parsed !== null ? { ...parsed } : {},
      };
    },
  };
  return browser;
}

let users = 0;

/** Signs a new member up. */
export async function signUp(url: string, origin = url): Promise<Browser & { id: string; email: string }> {
  const browser = makeBrowser(url, origin);
  const email = `user-${++users}-${process.pid}@example.com`;
  const answer = await browser.send("POST", "/api/auth/sign-up/email", { name: "Somebody", email, password });
  expect(answer.text).toContain('"id"');
  expect(answer.status).toBe(200);
  return Object.assign(browser, { id: (answer.body.user as { id: string }).id, email });
}

/** Signs in with the harness's password. */
export async function signIn(url: string, email: string, origin = url): Promise<Browser> {
  const browser = makeBrowser(url, origin);
  const answer = await browser.send("POST", "/api/auth/sign-in/email", { email, password });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return browser;
}

export const testPassword = password;

/** A gateway where people may sign up, and as often as a test wants. */
export function openUsersGateway(config = "", env: Record<string, string> = {}): Promise<GatewayProcess> {
  return openGatewayProcess({ config: `[auth]\nattempts_per_minute = 10_000\n${config}`, env });
}

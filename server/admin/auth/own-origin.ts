import { isIP } from "node:net";
import type { Config } from "../../platform/config.ts";

/**
 * The origins that are this gateway itself; the first is the one that links lead to. They follow from the config and from
 * the port that really listens, never from what a request says of its host.
 *
 * @param port that the connection came in on.
 */
export function listOwnOrigins(config: Pick<Config, "host" | "auth">, port: number): [string, ...string[]] {
  if (config.auth.baseUrl !== null) return [config.auth.baseUrl];
  const { host } = config;
  const local = ["127.0.0.1", "localhost", "[::1]"];
  const isOpen = host === "0.0.0.0" || host === "::";
  const isLocal = isOpen || host === "localhost" || host === "::1" || host.startsWith("127.");
  const own = isOpen ? [] : [isIP(host) === 6 ? `[${host}]` : host];
  const names = isLocal ? [...own, ...local] : own;
  const [first = "", ...rest] = new Set(names.map((name) => new URL(`http://${name}:${port}`).origin));
  return [first, ...rest];
}

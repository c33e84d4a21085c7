import { isIP } from "node:net";
import { resolve } from "node:path";
import { formatAllowedNames } from "../core/allowed-names.ts";
import { Secret } from "../core/secret.ts";
import type { Config, Role } from "./config.ts";
import { type ConfigMistake, formatConfigValue } from "./config-error.ts";
import { logLevels } from "./config-schema.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment says, but for the secrets. */
export interface EnvironmentSettings {
  role: Role;
  host: string;
  port: number;
  /** Absolute. */
  dataDir: string;
  databaseUrl: Secret | null;
  redisUrl: Secret | null;
  configPath: string | null;
  google: Config["auth"]["google"];
  smtp: Config["smtp"];
  /** As it was written; `null`: the config file decides. */
  baseUrl: string | null;
  /** `null`: the config file decides. */
  logLevel: Config["log"]["level"] | null;
}

const roles = ["all", "gateway", "worker"] as const satisfies readonly Role[];
const hostName = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** Reads the environment. A variable that is set to nothing is a mistake, not a default: it is mostly a failed expansion. */
export function parseEnvironment(env: Environment, mistakes: ConfigMistake[]): EnvironmentSettings {
  const read = (name: string): string | null => {
    const value = env[name];
    if (value === undefined) return null;
    if (value.trim() !== "") return value.trim();
    mistakes.push({ path: name, found: "set, but empty", allowed: "give it a value or unset it" });
    return null;
  };
  const settings = {
    role: oneOf("TOLLGATE_ROLE", roles, read, mistakes) ?? "all",
    host: readHost(read, mistakes),
    port: readPort(read, mistakes),
    dataDir: resolve(read("TOLLGATE_DATA_DIR") ?? "./.tollgate"),
    databaseUrl: readUrl(
      "DATABASE_URL",
      /^postgres(ql)?:\/\/\S+$/,
      "postgres://user:password@host:5432/name",
      read,
      mistakes,
    ),
    redisUrl: readUrl("REDIS_URL", /^rediss?:\/\/\S+$/, "redis://host:6379, or rediss:// for TLS", read, mistakes),
    configPath: read("TOLLGATE_CONFIG"),
    google: readGoogle(read, mistakes),
    smtp: readSmtp(read, mistakes),
    baseUrl: read("TOLLGATE_BASE_URL"),
    logLevel: oneOf("TOLLGATE_LOG_LEVEL", logLevels, read, mistakes),
  };
  if (settings.role !== "all" && env.DATABASE_URL === undefined) {
    mistakes.push({
      path: "TOLLGATE_ROLE",
      found: `${settings.role} without DATABASE_URL`,
      allowed: "set DATABASE_URL: the embedded PostgreSQL belongs to a process with the role all",
    });
  }
  return settings;
}

/** True for addresses that only this machine can reach. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

type Read = (name: string) => string | null;

function oneOf<T extends string>(name: string, values: readonly T[], read: Read, mistakes: ConfigMistake[]): T | null {
  const text = read(name);
  if (text === null) return null;
  const value = values.find((candidate) => candidate === text);
  if (value === undefined) {
    mistakes.push({ path: name, found: `found ${formatConfigValue(text)}`, allowed: formatAllowedNames(text, values) });
  }
  return value ?? null;
}

function readHost(read: Read, mistakes: ConfigMistake[]): string {
  const host = read("HOST") ?? "127.0.0.1";
  // All digits and dots but no address: a mistyped address, which a resolver would go looking for.
  if (isIP(host) === 0 && (!hostName.test(host) || /^[\d.]+$/.test(host))) {
    mistakes.push({
      path: "HOST",
      found: `found ${formatConfigValue(host)}`,
      allowed: "must be an IP address or a host name to listen on, such as 127.0.0.1 or 0.0.0.0",
    });
  }
  return host;
}

/** 0 lets the system pick a free port. */
function readPort(read: Read, mistakes: ConfigMistake[]): number {
  const text = read("PORT") ?? "3000";
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  mistakes.push({
    path: "PORT",
    found: `found ${formatConfigValue(text)}`,
    allowed: "must be a port number, 0 to 65535",
  });
  return 3000;
}

/** One without the other would be a button that leads nowhere. */
function readGoogle(read: Read, mistakes: ConfigMistake[]): Config["auth"]["google"] {
  const clientId = read("GOOGLE_CLIENT_ID");
  const clientSecret = read("GOOGLE_CLIENT_SECRET");
  if (clientId !== null && clientSecret !== null) return { clientId, clientSecret: new Secret(clientSecret) };
  if (clientId !== null || clientSecret !== null) {
    mistakes.push({
      path: clientId === null ? "GOOGLE_CLIENT_ID" : "GOOGLE_CLIENT_SECRET",
      found: "not set",
      allowed: "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are set together, or neither is",
    });
  }
  return null;
}

/** A server without a sender, or the other way round, would send nothing. */
function readSmtp(read: Read, mistakes: ConfigMistake[]): Config["smtp"] {
  const url = readUrl("SMTP_URL", /^smtps?:\/\/[^\s,]+$/, "smtp://user:password@host:587, or smtps://", read, mistakes);
  const from = read("SMTP_FROM");
  if (url === null && from === null) return null;
  if (from === null || !/^[^\r\n<>]*<[^\s<>@]+@[^\s<>@]+>$|^[^\s<>@]+@[^\s<>@]+$/.test(from)) {
    mistakes.push({
      path: "SMTP_FROM",
      found: from === null ? "not set" : `found ${formatConfigValue(from)}`,
      allowed: "must be the sender's address, such as Tollgate <tollgate@example.com>, when SMTP_URL is set",
    });
    return null;
  }
  if (url !== null) return { url, from };
  if (!mistakes.some(({ path }) => path === "SMTP_URL")) {
    mistakes.push({ path: "SMTP_URL", found: "not set", allowed: "must be set when SMTP_FROM is" });
  }
  return null;
}

/** The value is not repeated: a password is mostly in it. */
function readUrl(name: string, shape: RegExp, example: string, read: Read, mistakes: ConfigMistake[]): Secret | null {
  const text = read(name);
  if (text === null) return null;
  // Several hosts in one URL are PostgreSQL's own spelling, which the URL parser does not know.
  if (shape.test(text) && (text.includes(",") || URL.canParse(text))) return new Secret(text);
  mistakes.push({
    path: name,
    found: `a text of ${text.length} characters that is not such a URL`,
    allowed: `must be ${example}`,
  });
  return null;
}

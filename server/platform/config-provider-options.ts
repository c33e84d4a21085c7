import { z } from "zod";
import { type ProviderType, providerTypes } from "../core/provider-type.ts";
import type { Secret } from "../core/secret.ts";
import { type ConfigMistake, formatConfigPath } from "./config-error.ts";

/** What a provider type needs to be told beside an address and a credential. */
export interface ProviderOptions {
  /** AWS: `us-east-1`. `null` for every other type. */
  region: string | null;
  /** Google Vertex; `null` for every other type. */
  vertex: { projectId: string; location: string } | null;
  /** Azure: `null`: its v1 paths, which need none. */
  apiVersion: string | null;
}

const namePart = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "1 to 63 characters of a-z, 0-9 and -");

/** Keys of one type, of `[provider_types.TYPE.defaults]` as well. Names: TensorZero's. */
export const placeKeys = {
  /** Azure: the resource's address, another name of `api_base`. */
  endpoint: z.string().optional(),
  api_version: z
    .string()
    .regex(/^[A-Za-z0-9.-]{1,40}$/, "a version such as 2025-04-01-preview")
    .optional(),
  region: namePart.optional(),
  project_id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.:-]{0,62}$/, "the id of a project, in a-z, 0-9, -, . and :")
    .optional(),
  location: namePart.optional(),
};

const ownKeys: Readonly<Partial<Record<ProviderType, readonly string[]>>> = {
  azure: ["endpoint", "api_version", "deployment_id"],
  aws_bedrock: ["region", "model_id"],
  gcp_vertex_anthropic: ["project_id", "location", "model_id"],
  gcp_vertex_gemini: ["project_id", "location", "model_id"],
};
const allKeys = [...new Set(Object.values(ownKeys).flat())];

type Place = { readonly [Key in keyof typeof placeKeys]?: string | undefined };
type Section = Place & {
  readonly api_base?: string | undefined;
  readonly model_name?: string | undefined;
  readonly model_id?: string | undefined;
  readonly deployment_id?: string | undefined;
};

/** Adds a mistake for each key that is another type's, and for one thing said twice. */
export function checkOptionKeys(
  type: ProviderType,
  section: Section,
  path: readonly PropertyKey[],
  mistakes: ConfigMistake[],
): void {
  const own = ownKeys[type] ?? [];
  for (const key of allKeys) {
    if (!Object.hasOwn(section, key) || own.includes(key)) continue;
    const types = Object.entries(ownKeys).flatMap(([name, keys]) => (keys.includes(key) ? [name] : []));
    mistakes.push({
      path: formatConfigPath([...path, key]),
      found: `not for a provider of type ${type}, but for ${types.join(", ")}`,
      allowed: "leave it out",
    });
  }
  for (const [one, other] of [
    ["endpoint", "api_base"],
    ["model_id", "model_name"],
    ["deployment_id", "model_name"],
  ] as const) {
    if (section[one] === undefined || section[other] === undefined) continue;
    const found = `beside ${other}, which means the same`;
    mistakes.push({ path: formatConfigPath([...path, one]), found, allowed: "leave one of them out" });
  }
}

/** The model's name at the provider, by whichever key its type calls it; `null` where none is given. */
export function findUpstreamName(section: Section): string | null {
  return section.model_name ?? section.model_id ?? section.deployment_id ?? null;
}

/**
 * Finds out where a provider's models run: what its section says, then its type's defaults, then the variables that
 * AWS's and Google's own programs read, then (the project) the service account's file.
 *
 * @returns the options, or what is missing: its key, and how to say it.
 */
export function findProviderOptions(
  type: ProviderType,
  section: Place,
  defaults: Place,
  env: Readonly<Record<string, string | undefined>>,
  credential: Secret | null,
): ProviderOptions | { missingKey: string; reason: string } {
  const apiVersion = type === "azure" ? (section.api_version ?? defaults.api_version ?? null) : null;
  const options: ProviderOptions = { region: null, vertex: null, apiVersion };
  const { credentialKind } = providerTypes[type];
  if (credentialKind === "aws") {
    const region = section.region ?? defaults.region ?? findPart(env.AWS_REGION) ?? findPart(env.AWS_DEFAULT_REGION);
    if (region === null) return { missingKey: "region", reason: "there is no region, and AWS_REGION is not set" };
    return { ...options, region };
  }
  if (credentialKind !== "service_account") return options;
  const location = section.location ?? defaults.location ?? findPart(env.GOOGLE_CLOUD_LOCATION) ?? "global";
  const projectId =
    section.project_id ?? defaults.project_id ?? findProject(env.GOOGLE_CLOUD_PROJECT) ?? findOwnProject(credential);
  if (projectId === null) {
    return { missingKey: "project_id", reason: "there is no project_id, and GOOGLE_CLOUD_PROJECT is not set" };
  }
  return { ...options, vertex: { projectId, location } };
}

function findPart(value: string | undefined): string | null {
  return namePart.safeParse(value).data ?? null;
}

function findProject(value: unknown): string | null {
  return placeKeys.project_id.safeParse(value).data ?? null;
}

function findOwnProject(credential: Secret | null): string | null {
  if (credential === null) return null;
  try {
    return findProject((JSON.parse(credential.reveal()) as Record<string, unknown> | null)?.project_id);
  } catch {
    return null;
  }
}

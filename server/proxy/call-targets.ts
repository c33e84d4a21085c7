import {
  type CredentialSource,
  findCredentialFault,
  parseAwsKeys,
  parseServiceAccount,
} from "../core/credential-source.ts";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { providerTypes } from "../core/provider-type.ts";
import { Secret } from "../core/secret.ts";
import type { CredentialVault } from "../keys/credential-vault.ts";
import type { KnownKey } from "../keys/known-key.ts";
import type { ResolvedModel } from "../providers/model-table.ts";
import type { ProviderTarget } from "../providers/types.ts";
import type { ProxyContext } from "./context.ts";

type SentCredentials = Readonly<Record<string, Secret>> | null;

/** Why a provider has no credential for a call. */
type Lack =
  /** The client did not send it. */
  | { kind: "dynamic"; name: string; provider: string }
  /** What it sent cannot be one; `fault` ends a sentence. */
  | { kind: "unusable"; name: string; provider: string; fault: string }
  /** The operator has not stored it, or not what this provider takes. */
  | { kind: "stored"; name: string; provider: string; fault: string };

/** What a call may bring credentials for. */
export interface CredentialedCall {
  /** Of the admission: in the order of the routing. */
  targets: readonly ProviderTarget[];
  model: Pick<ResolvedModel, "isLate">;
  credentials: SentCredentials;
}

/**
 * Gives each provider of a call its credential: the stored one that the key pins, else what the config says. Providers for
 * which there is none are left out. Nothing of it is kept, but for copies of targets with stored credentials.
 *
 * @returns the same list where no credential depends on the call, which is nearly always; or a refusal where no provider is
 * left: 400 for a credential that the client has to send, 502 for one that the operator has to store.
 */
export function findCallTargets(
  proxy: Pick<ProxyContext, "vault">,
  known: Pick<KnownKey, "pins">,
  call: CredentialedCall,
): readonly ProviderTarget[] | Refusal {
  const { pins } = known;
  if (pins === null && !call.model.isLate) return call.targets;
  const targets: ProviderTarget[] = [];
  const lacks: Lack[] = [];
  for (const target of call.targets) {
    const pin = pins === null ? undefined : findPin(pins, target);
    const found =
      pin !== undefined
        ? findStored(proxy.vault, pin, target, true)
        : target.late === null
          ? target
          : findLate(proxy.vault, target, call.credentials);
    if ("kind" in found) lacks.push(found);
    else targets.push(found);
  }
  for (const lack of lacks) if (lack.kind === "stored") proxy.vault.reportLack(lack.name, lack.provider, lack.fault);
  return targets.length > 0 ? targets : makeLackRefusal(lacks);
}

/** By the provider's own name in the config, else by its type. */
function findPin(pins: Readonly<Record<string, string>>, { providerName, type }: ProviderTarget): string | undefined {
  if (Object.hasOwn(pins, providerName)) return pins[providerName];
  return Object.hasOwn(pins, type) ? pins[type] : undefined;
}

/** Of each target the copy that was made last, with what it was made of: a new one is made only when the secret changes. */
const copies = new WeakMap<ProviderTarget, Map<string, { secret: Secret; copy: ProviderTarget }>>();

function findStored(
  vault: CredentialVault,
  name: string,
  target: ProviderTarget,
  isOwnAccount: boolean,
): ProviderTarget | Lack {
  const secret = vault.find(name);
  const lack: Lack = { kind: "stored", name, provider: target.providerName, fault: "is not stored" };
  if (secret === null) return lack;
  let byName = copies.get(target);
  if (byName === undefined) {
    byName = new Map();
    copies.set(target, byName);
  }
  const key = `${isOwnAccount} ${name}`;
  const held = byName.get(key);
  if (held?.secret === secret) return held.copy;
  const copy = makeCopy(target, secret, isOwnAccount, true);
  if (typeof copy === "string") return { ...lack, fault: copy };
  byName.set(key, { secret, copy });
  return copy;
}

/** A copy of the target with the credential, or why the text is none for it. */
function makeCopy(
  target: ProviderTarget,
  secret: Secret,
  isOwnAccount: boolean,
  isStored: boolean,
): ProviderTarget | string {
  const { credentialKind } = providerTypes[target.type];
  if (credentialKind === "aws" && target.aws !== null && isStored) {
    const keys = parseAwsKeys(secret.reveal());
    if (keys === null) return "holds no JSON with access_key_id and secret_access_key";
    return { ...target, aws: { ...target.aws, ...keys }, late: null, isOwnAccount };
  }
  const fault = findCredentialFault(secret.reveal(), credentialKind);
  if (fault !== null) return fault;
  // Who may bring an account must not bring the addresses that its file can name.
  const account = credentialKind === "service_account" ? parseServiceAccount(secret.reveal()) : null;
  const credential = account === null ? secret : new Secret(JSON.stringify(account));
  return { ...target, credential, late: null, isOwnAccount };
}

function findLate(vault: CredentialVault, target: ProviderTarget, sent: SentCredentials): ProviderTarget | Lack {
  const { late } = target;
  if (late === null) return target;
  if (late.aws !== null && target.aws !== null) {
    const read = (sources: readonly CredentialSource[]) => findSecret(vault, target, sources, sent);
    const accessKeyId = read(late.aws.accessKeyId);
    if ("kind" in accessKeyId) return accessKeyId;
    const secretAccessKey = read(late.aws.secretAccessKey);
    if ("kind" in secretAccessKey) return secretAccessKey;
    const sessionToken = late.aws.sessionToken === null ? noSecret : read(late.aws.sessionToken);
    if ("kind" in sessionToken) return sessionToken;
    for (const { secret, isSent, name } of [accessKeyId, secretAccessKey, sessionToken]) {
      const fault = isSent && secret !== null ? findCredentialFault(secret.reveal(), "aws") : null;
      if (fault !== null) return { kind: "unusable", name, provider: target.providerName, fault };
    }
    const aws = {
      region: target.aws.region,
      accessKeyId: accessKeyId.secret,
      secretAccessKey: secretAccessKey.secret,
      sessionToken: sessionToken.secret,
    };
    return { ...target, aws, late: null, isOwnAccount: accessKeyId.isSent };
  }
  if (late.credential === null) return target;
  const [first] = late.credential;
  if (first?.kind === "vault" && (late.credential.length === 1 || vault.find(first.name) !== null)) {
    return findStored(vault, first.name, target, false);
  }
  const found = findSecret(vault, target, late.credential, sent);
  if ("kind" in found) return found;
  if (!found.isSent || found.secret === null) return { ...target, credential: found.secret, late: null };
  const copy = makeCopy(target, found.secret, true, false);
  if (typeof copy !== "string") return copy;
  return { kind: "unusable", name: found.name, provider: target.providerName, fault: copy };
}

interface FoundSecret {
  secret: Secret | null;
  /** The client brought it. */
  isSent: boolean;
  /** Under which it was found; empty for what was read at the start. */
  name: string;
}

const noSecret: FoundSecret = { secret: null, isSent: false, name: "" };

/** The first of the sources that has something. */
function findSecret(
  vault: CredentialVault,
  target: ProviderTarget,
  sources: readonly CredentialSource[],
  sent: SentCredentials,
): FoundSecret | Lack {
  let lack: Lack | null = null;
  for (const source of sources) {
    if (source.kind === "static") return { ...noSecret, secret: source.secret };
    const { name } = source;
    const provider = target.providerName;
    if (source.kind === "dynamic") {
      const secret = sent !== null && Object.hasOwn(sent, name) ? sent[name] : undefined;
      if (secret !== undefined) return { secret, isSent: true, name };
      lack ??= { kind: "dynamic", name, provider };
    } else {
      const secret = vault.find(name);
      if (secret !== null) return { secret, isSent: false, name };
      lack ??= { kind: "stored", name, provider, fault: "is not stored" };
    }
  }
  return lack ?? noSecret;
}

/** Names of stored credentials are the operator's business; those that a client sends are its own. */
function makeLackRefusal(lacks: readonly Lack[]): Refusal {
  const dynamic = lacks.filter((lack) => lack.kind === "dynamic");
  const unusable = lacks.find((lack) => lack.kind === "unusable");
  if (unusable !== undefined) {
    const { name, provider, fault } = unusable;
    const message = `The credential \`${name}\` that was sent for the provider ${provider} ${fault}.`;
    return makeRefusal("invalid_request", message, { param: "credentials" });
  }
  if (dynamic.length > 0) {
    const message = dynamic
      .map(({ name, provider }) => `API key missing for provider ${provider}: Dynamic api key \`${name}\` is missing`)
      .join("; ");
    return makeRefusal("invalid_request", `${message}. Send it in \`credentials\`.`, { param: "credentials" });
  }
  const providers = [...new Set(lacks.map(({ provider }) => provider))].join(", ");
  return makeRefusal("upstream_error", `No credential is stored that this gateway could use at ${providers}.`);
}

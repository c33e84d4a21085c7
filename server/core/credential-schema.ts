import { z } from "zod";
import { credentialLengthMax, vaultName } from "./credential-source.ts";
import { wireInstantOut, wireLine, wireText } from "./wire-types.ts";

const name = z
  .string()
  .regex(vaultName, "must be 1 to 64 characters of a-z, 0-9, - and _, beginning and ending with a letter or digit")
  .describe("What the config file calls it: `vault::NAME`.");

/** White space at the ends comes from files and terminals, never from a provider. */
const secret = wireText(credentialLengthMax)
  .transform((text) => text.trim())
  .refine((text) => text !== "", "must not be empty")
  .meta({ wire: { type: "string", minLength: 1, maxLength: credentialLengthMax } })
  .describe("The credential itself. No answer ever holds it.");

const description = wireText(2_000).nullable();

export const credentialReference = z.strictObject({ credential_name: name });
export const createCredentialInput = z.strictObject({ name, secret, description: description.optional() });
/** What is not said stays as it is. */
export const updateCredentialInput = z.strictObject({
  credential_name: name,
  secret: secret.optional().describe("Takes the place of the one before, on every gateway within a second."),
  description: description.optional(),
});
export const testCredentialInput = z.strictObject({
  credential_name: name,
  model: wireLine(256)
    .optional()
    .describe("Try only this model; for a type's default, a shorthand such as `openai::gpt-5-mini`."),
});

const credentialOutcomes = ["accepted", "rejected", "failed"] as const;

/** Everything that is told of a stored credential. What it holds is not among it. */
export const credentialView = z.object({
  name: z.string(),
  description: z.string().nullable(),
  version: z.number().describe("Counts the secrets that it has held."),
  encryption_version: z.number().describe("Which of the deployment's keys it is encrypted with."),
  created_at: wireInstantOut,
  created_by: z.string(),
  updated_at: wireInstantOut,
  tested_at: wireInstantOut.nullable().describe("When it was last tried at a provider."),
  test_outcome: z.enum(credentialOutcomes).nullable().describe("The worst of the providers that it was tried at."),
  used_by: z.object({
    config: z.array(z.string()).describe("Places of the config file that name it."),
    pinned_keys: z.number().describe("Keys that pin it and are not revoked."),
  }),
});
export type CredentialView = z.infer<typeof credentialView>;

/** Complete: there are few. */
export const credentialList = z.object({ credentials: z.array(credentialView), next_cursor: z.null() });

export const credentialTestView = z.object({
  name: z.string(),
  results: z.array(
    z.object({
      model: z.string(),
      provider: z.string(),
      type: z.string(),
      outcome: z
        .enum(credentialOutcomes)
        .describe("rejected: the provider answered 401 or 403. failed: it answered otherwise, or not at all."),
      status: z.number().nullable().describe("What the provider answered; `null`: nothing."),
      message: z.string(),
      latency_ms: z.number(),
    }),
  ),
});
export type CredentialTestView = z.infer<typeof credentialTestView>;

/** How providers do, as each gateway process reports it every few seconds. */
const providerHealthView = z.object({
  model: z.string().nullable().describe("`null`: the shorthands of the type."),
  provider: z.string(),
  type: z.string(),
  state: z
    .enum(["closed", "open", "half_open"])
    .describe("The worst of the processes. open: it fails and is not called; half_open: one call tries it."),
  in_flight: z.number(),
  successes: z.number().describe("Since each process started."),
  failures: z.number(),
  openings: z.number().describe("Times that it was left alone after failures in a row."),
  refused: z
    .number()
    .describe("Calls that passed it over, because it was left alone or had all the calls that it may have."),
  latency_ms: z.number().nullable().describe("To the first byte; a moving average."),
  last_failure: z.string().nullable().describe("In one word: `status_503`, `connect`, `timeout_first_byte`."),
  last_failure_at: wireInstantOut.nullable(),
  processes: z.number().describe("How many gateway processes report it."),
});
export const providerHealthList = z.object({ providers: z.array(providerHealthView), next_cursor: z.null() });

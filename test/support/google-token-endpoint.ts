import { createVerify, generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";

/** A service account whose key was made for the test, and the endpoint that gives it tokens. */
export interface GoogleTokenEndpoint {
  /** The account's JSON. */
  account: string;
  /** To be called in place of `fetch`: answers Google's token endpoint only, and checks the assertion. */
  fetch: typeof globalThis.fetch;
  /** Tokens given so far, oldest first. */
  tokens: string[];
  /** How long the next tokens live. */
  lifeSeconds: number;
  /** What the last refused assertion was refused for. */
  fault: string | null;
  /** Answers with this in place of a token, where set. */
  failWithStatus: number;
}

type Holder = "own" | "stranger";

/** Short keys are made in no time. Who signed is what is looked at here, not how hard that is to forge. */
const pairs: Partial<Record<Holder, KeyPairKeyObjectResult>> = {};

/**
 * Opens the endpoint. It holds the public key alone. Source: Google, "Using OAuth 2.0 for server to server applications".
 */
export function openGoogleTokenEndpoint(projectId = "test-project", holder: Holder = "own"): GoogleTokenEndpoint {
  const { publicKey, privateKey } = (pairs[holder] ??= generateKeyPairSync("rsa", { modulusLength: 1024 }));
  const email = "robot@test-project.iam.gserviceaccount.com";
  const endpoint: GoogleTokenEndpoint = {
    account: JSON.stringify(
      {
        type: "service_account",
        project_id: projectId,
        client_email: email,
        private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
        token_uri: "https://elsewhere.example/token",
      },
      null,
      2,
    ),
    tokens: [],
    lifeSeconds: 3_600,
    fault: null,
    failWithStatus: 0,
    async fetch(input, init) {
      const url = input instanceof Request ? input.url : String(input);
      if (url !== "https://oauth2.googleapis.com/token") throw new Error(`an unexpected call of ${url}`);
      if (endpoint.failWithStatus !== 0)
        return Response.json({ error: "unavailable" }, { status: endpoint.failWithStatus });
      const form = new URLSearchParams(String(init?.body ?? ""));
      endpoint.fault = findFault(form, email, publicKey);
      if (endpoint.fault !== null) {
        return Response.json({ error: "invalid_grant", error_description: endpoint.fault }, { status: 400 });
      }
      const token = `ya29.token-${endpoint.tokens.length + 1}`;
      endpoint.tokens.push(token);
      return Response.json({ access_token: token, expires_in: endpoint.lifeSeconds, token_type: "Bearer" });
    },
  };
  return endpoint;
}

function findFault(
  form: URLSearchParams,
  email: string,
  publicKey: Parameters<ReturnType<typeof createVerify>["verify"]>[0],
): string | null {
  if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") return "another grant";
  const [head = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
  const read = (part: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
  if (read(head).alg !== "RS256") return "another algorithm";
  const verified = createVerify("RSA-SHA256")
    .update(`${head}.${claims}`)
    .verify(publicKey, Buffer.from(signature, "base64url"));
  if (!verified) return "a wrong signature";
  const { iss, aud, iat, exp, scope } = read(claims);
  if (iss !== email) return "another account";
  if (aud !== "https://oauth2.googleapis.com/token") return "another audience";
  if (scope !== "https://www.googleapis.com/auth/cloud-platform") return "another scope";
  const nowSeconds = Date.now() / 1_000;
  if (!(Number(iat) <= nowSeconds + 60 && Number(exp) > nowSeconds && Number(exp) - Number(iat) <= 3_600))
    return "another time";
  return null;
}

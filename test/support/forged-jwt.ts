import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import type { SeededRandom } from "./seeded-random.ts";

const pair = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const hourSeconds = 3_600;
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** How a token is signed: by nobody, with an empty or guessable secret, with a public key as the secret, by a stranger. */
const signers: Record<string, (text: string, random: SeededRandom) => { alg: string; sign(text: string): string }> = {
  none: (_, random) => ({ alg: random.pick(["none", "None", "NONE", "nOnE", ""]), sign: () => "" }),
  "none-signed": () => ({ alg: "none", sign: (text) => createHmac("sha256", "x").update(text).digest("base64url") }),
  "empty-secret": () => ({ alg: "HS256", sign: (text) => createHmac("sha256", "").update(text).digest("base64url") }),
  "weak-secret": (_, random) => ({
    alg: "HS256",
    sign: (text) =>
      createHmac("sha256", random.pick(["secret", "changeme", "tollgate", "null", "\0"]))
        .update(text)
        .digest("base64url"),
  }),
  "public-key-as-secret": () => ({
    alg: "HS256",
    sign: (text) => createHmac("sha256", pair.publicKey).update(text).digest("base64url"),
  }),
  stranger: () => ({
    alg: "RS256",
    sign: (text) => sign("sha256", Buffer.from(text), pair.privateKey).toString("base64url"),
  }),
  "hs-as-rs": () => ({
    alg: "RS256",
    sign: (text) => createHmac("sha256", pair.publicKey).update(text).digest("base64url"),
  }),
  cut: () => ({ alg: "HS256", sign: () => "AA" }),
};

/** A token that claims everything, in one of the ways in which servers have been made to believe it. */
export function makeForgedJwt(random: SeededRandom, publicId: string): { kind: string; text: string } {
  const kind = random.pick(Object.keys(signers));
  const signer = signers[kind]?.("", random);
  if (signer === undefined) throw new Error(kind);
  const nowSeconds = 1_800_000_000 + random.integer(1_000_000);
  const header: Record<string, unknown> = { alg: signer.alg, typ: "JWT" };
  const trick = random.pick(["kid", "jku", "x5u", "jwk", "crit", ""]);
  if (trick === "kid") {
    header.kid = random.pick([
      "../../../../dev/null",
      "/proc/sys/kernel/randomize_va_space",
      "' or 1=1--",
      publicId,
      "0",
    ]);
  } else if (trick === "jwk") header.jwk = { kty: "oct", k: "" };
  else if (trick === "crit") header.crit = ["exp"];
  else if (trick !== "") header[trick] = "http://127.0.0.1:1/keys";
  const claims = {
    sub: random.pick([publicId, "admin", "system", "*"]),
    public_id: publicId,
    aud: random.pick(["tollgate", "other", "*", ["tollgate"]]),
    iss: random.pick(["tollgate", "https://evil.example", ""]),
    exp: random.pick([nowSeconds + hourSeconds, nowSeconds - hourSeconds, 0, "never", 1e308]),
    nbf: random.pick([0, nowSeconds + hourSeconds]),
    permissions: ["*"],
    role: "admin",
    jti: random.integer(2 ** 31),
  };
  const body = `${encode(header)}.${encode(claims)}`;
  return { kind, text: `${body}.${signer.sign(body)}` };
}

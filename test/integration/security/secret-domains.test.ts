import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSessionKey, parseSessionToken } from "../../../server/admin/auth/session-cookie.ts";
import { isSignedBy, parseLeakSignature } from "../../../server/core/leak-signature.ts";
import { Secret } from "../../../server/core/secret.ts";
import { makeKeyDigest } from "../../../server/keys/key-digest.ts";
import {
  auditCheckpointName,
  loadAuditCheckpoint,
  updateAuditCheckpoint,
} from "../../../server/platform/audit-checkpoint.ts";

/** BARS.md D6: what one secret made, or whoever knows one secret makes, is nothing to what rests on another. */
let dataDir: string;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "tollgate-test-"));
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const make = (): Secret => new Secret(randomBytes(36).toString("base64"));
const secrets = { pepper: make(), "old pepper": make(), session: make(), leak: make(), seal: make() };
const labels = ["tollgate session cookies", "tollgate audit checkpoint"];

/** Everything that somebody with one of the secrets could sign with: as it is, and by each derivation, as bytes or hex. */
const materials = Object.entries(secrets).flatMap(([name, secret]) => {
  const derived = labels.map(
    (label) => [label, Buffer.from(hkdfSync("sha256", secret.reveal(), "", label, 32))] as const,
  );
  return [
    { name, key: Buffer.from(secret.reveal()) },
    ...derived.flatMap(([label, key]) => [
      { name: `${name}, ${label}`, key },
      { name: `${name}, ${label}, as hex`, key: Buffer.from(key.toString("hex")) },
    ]),
  ];
});

const message = "a message of all domains";
const nowMs = 1_800_000_000_000;
const time = String(nowMs / 1_000);
const checkpoint = { seq: "7", hash: "ab".repeat(32), at: "2027-01-01T00:00:00.000Z" };

interface Domain {
  /** The material that is meant to be accepted. */
  own: string;
  /** What is signed. */
  text: string;
  isAccepted(hmac: Buffer): boolean;
}

const domains: Record<string, Domain> = {
  "a stored digest": {
    own: "pepper",
    text: message,
    isAccepted: (hmac) => makeKeyDigest(message, { version: 2, value: secrets.pepper }).equals(hmac),
  },
  "a stored digest under the old pepper": {
    own: "old pepper",
    text: message,
    isAccepted: (hmac) => makeKeyDigest(message, { version: 1, value: secrets["old pepper"] }).equals(hmac),
  },
  "a session cookie": {
    own: "session, tollgate session cookies, as hex",
    text: message,
    isAccepted: (hmac) =>
      parseSessionToken(
        encodeURIComponent(`${message}.${hmac.toString("base64")}`),
        makeSessionKey(secrets.session),
      ) !== null,
  },
  "a leak report": {
    own: "leak",
    text: `${time}.${message}`,
    isAccepted(hmac) {
      const signature = parseLeakSignature(`t=${time},v1=${hmac.toString("hex")}`, nowMs);
      return signature !== null && isSignedBy(signature, Buffer.from(message), secrets.leak);
    },
  },
  "an audit checkpoint": {
    own: "seal, tollgate audit checkpoint",
    text: JSON.stringify(Object.values(checkpoint)),
    isAccepted(hmac) {
      writeFileSync(join(dataDir, auditCheckpointName), JSON.stringify({ ...checkpoint, mac: hmac.toString("hex") }));
      return loadAuditCheckpoint({ dataDir, sealKey: secrets.seal }) !== "forged";
    },
  },
};

test("each domain accepts its own key alone, whichever domain's text was signed", () => {
  const texts = [...new Set(Object.values(domains).map(({ text }) => text))];
  const accepted: string[] = [];
  let tried = 0;
  for (const [domain, { own, text, isAccepted }] of Object.entries(domains)) {
    for (const material of materials) {
      for (const signed of texts) {
        tried++;
        if (!isAccepted(createHmac("sha256", material.key).update(signed).digest())) continue;
        const isMeant = material.name === own && signed === text;
        accepted.push(isMeant ? `${domain}: its own` : `${domain}: ${material.name} over ${signed}`);
      }
    }
  }
  console.info(`D6: ${Object.keys(domains).length} domains, ${materials.length} keys, ${tried} tokens`);
  expect(accepted).toEqual(Object.keys(domains).map((domain) => `${domain}: its own`));
});

test("the derivations here are the product's", () => {
  updateAuditCheckpoint({ dataDir, sealKey: secrets.seal }, checkpoint);
  const { mac } = JSON.parse(readFileSync(join(dataDir, auditCheckpointName), "utf8")) as { mac: string };
  expect(domains["an audit checkpoint"]?.isAccepted(Buffer.from(mac, "hex"))).toBe(true);
  expect(materials.some(({ key }) => key.toString() === makeSessionKey(secrets.session))).toBe(true);
  expect(materials).toHaveLength(25);
});

import { describe, expect, test } from "vitest";
import type { CredentialSource } from "../../../server/core/credential-source.ts";
import { Secret } from "../../../server/core/secret.ts";
import type { CredentialVault } from "../../../server/keys/credential-vault.ts";
import type { ProviderTarget } from "../../../server/providers/types.ts";
import { findCallTargets } from "../../../server/proxy/call-targets.ts";
import { makeTarget } from "../../support/scripted-request.ts";

const dynamic = (name: string): CredentialSource => ({ kind: "dynamic", name });
const stored = (name: string): CredentialSource => ({ kind: "vault", name });
const fixed = (text: string | null): CredentialSource => ({
  kind: "static",
  secret: text === null ? null : new Secret(text),
});

function makeLate(...credential: CredentialSource[]): ProviderTarget {
  return makeTarget("http://127.0.0.1:1", { providerName: "up", type: "openai", late: { credential, aws: null } });
}

interface Given {
  targets: readonly ProviderTarget[];
  sent?: Record<string, string>;
  vault?: Record<string, string>;
  pins?: Record<string, string>;
}

function find({ targets, sent, vault = {}, pins }: Given) {
  const secrets = new Map(Object.entries(vault).map(([name, text]) => [name, new Secret(text)]));
  const store = { find: (name: string) => secrets.get(name) ?? null, reportLack: () => undefined };
  const credentials =
    sent === undefined
      ? null
      : Object.fromEntries(Object.entries(sent).map(([name, text]) => [name, new Secret(text)]));
  return findCallTargets(
    { vault: store as unknown as CredentialVault },
    { pins: pins ?? null },
    { targets, model: { isLate: targets.some(({ late }) => late !== null) }, credentials },
  );
}

function reveal(found: ReturnType<typeof find>): (string | undefined)[] | string {
  return "code" in found ? `${found.code}: ${found.message}` : found.map(({ credential }) => credential?.reveal());
}

describe("the credential of a call", () => {
  test("is the config's own where nothing depends on the call: the very same list", () => {
    const targets = [makeTarget("http://127.0.0.1:1", { credential: new Secret("sk-config") })];
    expect(find({ targets, sent: { other: "x" } })).toBe(targets);
  });

  test.each<[string, CredentialSource[], Omit<Given, "targets">, string]>([
    ["sent", [dynamic("k")], { sent: { k: "sk-sent" } }, "sk-sent"],
    ["stored", [stored("v")], { vault: { v: "sk-stored" } }, "sk-stored"],
    ["sent before the fallback", [dynamic("k"), fixed("sk-env")], { sent: { k: "sk-sent" } }, "sk-sent"],
    ["the fallback where it is not sent", [dynamic("k"), fixed("sk-env")], { sent: { other: "x" } }, "sk-env"],
    ["the stored fallback", [dynamic("k"), stored("v")], { vault: { v: "sk-stored" } }, "sk-stored"],
    ["the fallback where it is not stored", [stored("v"), fixed("sk-env")], {}, "sk-env"],
  ])("is %s", (_title, sources, given, expected) => {
    expect(reveal(find({ ...given, targets: [makeLate(...sources)] }))).toEqual([expected]);
  });

  test.each<[string, CredentialSource[], Omit<Given, "targets">, string]>([
    ["missing", [dynamic("k")], {}, "invalid_request: API key missing for provider up: Dynamic api key `k` is missing"],
    ["not in a prototype", [dynamic("constructor")], { sent: {} }, "invalid_request: API key missing for provider up"],
    ["not one", [dynamic("k")], { sent: { k: "sk-a\r\nb: c" } }, "invalid_request: The credential `k` that was sent"],
    ["not stored", [stored("v")], {}, "upstream_error: No credential is stored"],
  ])("refuses one that is %s, and repeats neither it nor a stored one's name", (_title, sources, given, expected) => {
    const told = reveal(find({ ...given, targets: [makeLate(...sources)] }));
    expect(told).toContain(expected);
    expect(told).not.toMatch(/sk-|`v`/);
  });

  test("providers without one are passed over; who has none left says what is missing", () => {
    const targets = [makeLate(dynamic("a")), makeTarget("http://127.0.0.1:2", { credential: new Secret("sk-b") })];
    expect(reveal(find({ targets }))).toEqual(["sk-b"]);
    expect(reveal(find({ targets: [makeLate(dynamic("a")), makeLate(dynamic("b"))] }))).toMatch(/`a` .*`b` /);
  });

  test("of a pin comes before all others, by the provider's name before its type, and never falls back", () => {
    const target = makeTarget("http://127.0.0.1:1", {
      providerName: "up",
      type: "openai",
      credential: new Secret("sk-config"),
    });
    const vault = { one: "sk-one", two: "sk-two" };
    expect(reveal(find({ targets: [target], vault, pins: { up: "one", openai: "two" } }))).toEqual(["sk-one"]);
    expect(reveal(find({ targets: [target], vault, pins: { openai: "two" } }))).toEqual(["sk-two"]);
    expect(reveal(find({ targets: [target], vault, pins: { mistral: "two" } }))).toEqual(["sk-config"]);
    expect(reveal(find({ targets: [target], vault, pins: { up: "gone" } }))).toContain("upstream_error");
  });

  test("of an account of the caller's own is marked so, and the copy of a stored one is made once", () => {
    const target = makeLate(dynamic("k"), fixed("sk-env"));
    const own = find({ targets: [target], sent: { k: "sk-sent" } });
    expect("code" in own ? null : own[0]?.isOwnAccount).toBe(true);
    const shared = find({ targets: [target] });
    expect("code" in shared ? null : shared[0]?.isOwnAccount).toBe(false);
    expect("code" in own ? null : own[0]?.health).toBe(target.health);
    const secret = new Secret("sk-stored");
    const vault = { find: () => secret, reportLack: () => undefined } as unknown as CredentialVault;
    const call = { targets: [makeLate(stored("v"))], model: { isLate: true }, credentials: null };
    const [first, second] = [1, 2].map(() => findCallTargets({ vault }, { pins: null }, call));
    expect(first).toEqual(second);
    expect((first as ProviderTarget[])[0]).toBe((second as ProviderTarget[])[0]);
  });

  test("never carries the addresses that a Google account's file can name", () => {
    const account = {
      type: "service_account",
      client_email: "a@b",
      private_key: "PEM",
      token_uri: "http://169.254.169.254",
      universe_domain: "evil.example",
    };
    const target = makeTarget(null, {
      providerName: "vertex",
      type: "gcp_vertex_gemini",
      late: { credential: [dynamic("k")], aws: null },
    });
    const told = reveal(find({ targets: [target], sent: { k: JSON.stringify(account) } }));
    expect(told).toEqual([JSON.stringify({ type: "service_account", private_key: "PEM", client_email: "a@b" })]);
    for (const wrong of ["{", "[]", "null", JSON.stringify({ ...account, type: "external_account" })]) {
      expect(reveal(find({ targets: [target], sent: { k: wrong } }))).toContain("invalid_request");
    }
  });

  test("of AWS is both keys, each from its own place, or a pinned pair", () => {
    const aws = { region: "us-east-1", accessKeyId: null, secretAccessKey: null, sessionToken: null };
    const late = {
      credential: null,
      aws: { accessKeyId: [dynamic("id")], secretAccessKey: [dynamic("secret")], sessionToken: null },
    };
    const target = makeTarget(null, { providerName: "aws", type: "aws_bedrock", aws, late });
    const found = find({ targets: [target], sent: { id: "AKIA1", secret: "s1" } });
    expect("code" in found ? null : found[0]?.aws?.secretAccessKey?.reveal()).toBe("s1");
    expect(reveal(find({ targets: [target], sent: { id: "AKIA1" } }))).toContain("`secret` is missing");
    const pair = JSON.stringify({ access_key_id: "AKIA2", secret_access_key: "s2" });
    const pinned = find({ targets: [target], vault: { pair }, pins: { aws_bedrock: "pair" } });
    expect("code" in pinned ? null : pinned[0]?.aws?.accessKeyId?.reveal()).toBe("AKIA2");
    const wrong = find({ targets: [target], vault: { pair: "AKIA2" }, pins: { aws_bedrock: "pair" } });
    expect("code" in wrong ? wrong.code : null).toBe("upstream_error");
  });
});

import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { waitUntil } from "../../support/wait-until.ts";

/**
 * What a TensorZero gateway does with keys, and this one must do too (or better, where CONTRACT.md says so). The three on
 * its command line (`--create-api-key`, `--expiration`, `--disable-api-key`) are in `cli-keys.test.ts`.
 */
const favoured = "abcdef012345";
let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await openGatewayProcess({
    config: `
[[rate_limiting.rules]]
priority = 0
model_inferences_per_hour = 3
scope = [{ api_key_public_id = "tensorzero::each" }]
[[rate_limiting.rules]]
priority = 1
model_inferences_per_hour = 6
scope = [{ api_key_public_id = "${favoured}" }]
`,
  });
}, 120_000);
afterAll(() => gateway.close());

const prefix = "TensorZero authentication error: Error performing authentication: ";
const input = { messages: [{ role: "user", content: "hello" }] };

async function infer(headers: Record<string, string>, body: object = {}): Promise<[status: number, error: unknown]> {
  const response = await fetch(`${gateway.url}/inference`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model_name: "echo::x", input, ...body }),
  });
  const answer = (await response.json()) as { error?: unknown };
  return [response.status, answer.error ?? null];
}
const withKey = (key: string): ReturnType<typeof infer> => infer({ authorization: `Bearer ${key}` });

const makeSecret = (publicId: string): string => publicId.repeat(4);

/** A key of TensorZero's own form, imported by its hash. */
async function importKey(publicId: string): Promise<string> {
  const secret = makeSecret(publicId);
  const response = await gateway.call("POST", "/admin/api-keys/import", gateway.adminKey, {
    keys: [{ format: "tensorzero", public_id: publicId, hash: createHash("sha256").update(secret).digest("hex") }],
  });
  expect(response.status).toBeLessThan(300);
  const text = `sk-t0-${publicId}-${secret}`;
  // A gateway that had no imported keys hears within a second that there are some now. This asks without being counted.
  await waitUntil(async () => (await gateway.call("GET", "/v1/key", text)).status === 200, "the imported key");
  return text;
}

describe("keys, as TensorZero's clients know them", () => {
  it("1: a request without a key is refused, and told what is missing", async () => {
    expect(await infer({})).toEqual([401, `${prefix}Authorization header is required`]);
  });

  it("2: a header of another scheme is refused", async () => {
    const [status, error] = await infer({ authorization: "Basic abc" });
    expect([status, String(error).startsWith(prefix)]).toEqual([401, true]);
  });

  it("3, 4: a malformed key and an unknown one are refused with the same bytes", async () => {
    const answers = await Promise.all(
      ["sk-t0-short", `sk-t0-000000000000-${"x".repeat(48)}`, "prod_000000000000_none"].map(withKey),
    );
    const refused = [401, `${prefix}Provided API key does not exist in the database`];
    expect(answers).toEqual([refused, refused, refused]);
  });

  it("5: a valid key is served, of ours and of TensorZero's own form", async () => {
    expect(await withKey((await gateway.makeKey()).text)).toEqual([200, null]);
    expect(await withKey(await importKey("tzkey0000001"))).toEqual([200, null]);
  });

  it("6: a disabled key is refused within a second, and told so", async () => {
    const { text, publicId } = await gateway.makeKey();
    expect(await withKey(text)).toEqual([200, null]);
    await gateway.call("POST", `/admin/api-keys/${publicId}/disable`, gateway.adminKey);
    await waitUntil(async () => (await withKey(text))[0] === 401, "a refusal");
    expect(await withKey(text)).toEqual([401, `${prefix}API key was disabled`]);
  });

  it("7: an expired key is refused, and told so, at the second", async () => {
    const { text, publicId } = await gateway.makeKey();
    const { sql } = gateway.database.database;
    await sql`update api_key set expires_at = now() - interval '1 second', version = version + 1 where public_id = ${publicId}`;
    await waitUntil(async () => (await withKey(text))[0] === 401, "a refusal");
    expect(await withKey(text)).toEqual([401, `${prefix}API key expired`]);
  });

  it("8: a key that was asked for before it was made is served once it is", async () => {
    const publicId = "tzkey0000002";
    expect((await withKey(`sk-t0-${publicId}-${makeSecret(publicId)}`))[0]).toBe(401);
    const text = await importKey(publicId);
    await waitUntil(async () => (await withKey(text))[0] === 200, "an answer");
  });

  it("9: the status and health routes need no key; everything else does", async () => {
    for (const path of ["/status", "/health"]) expect((await gateway.call("GET", path, null)).status).toBe(200);
    for (const path of ["/openai/v1/chat/completions", "/openai/v1/embeddings", "/inference", "/feedback"]) {
      expect([path, (await gateway.call("POST", path, null, {})).status]).toEqual([path, 401]);
    }
  });

  it("10: OpenAI's routes tell the same in OpenAI's shape", async () => {
    const response = await gateway.call("POST", "/openai/v1/chat/completions", "sk-t0-short", {});
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({
      error: { message: expect.any(String) as string, code: "invalid_api_key" },
    });
  });

  it("11: the key is judged before the body is read", async () => {
    const response = await fetch(`${gateway.url}/inference`, { method: "POST", body: "{" });
    expect(response.status).toBe(401);
  });

  it("12: a client cannot set the key's own tag", async () => {
    const { text } = await gateway.makeKey();
    const [status, error] = await infer(
      { authorization: `Bearer ${text}` },
      { tags: { "tensorzero::api_key_public_id": "x" } },
    );
    expect([status, String(error)]).toEqual([
      400,
      "Tag name cannot start with `tensorzero::`: tensorzero::api_key_public_id",
    ]);
  });

  it("13: each key has its own limit", async () => {
    const [one, other] = [(await gateway.makeKey()).text, (await gateway.makeKey()).text];
    for (let call = 0; call < 3; call++) expect((await withKey(one))[0]).toBe(200);
    const [status, error] = await withKey(one);
    expect([status, typeof error]).toEqual([429, "string"]);
    expect((await withKey(other))[0]).toBe(200);
  });

  it("14: one key has a limit of its own, which wins", async () => {
    const text = await importKey(favoured);
    for (let call = 0; call < 6; call++) expect((await withKey(text))[0]).toBe(200);
    expect((await withKey(text))[0]).toBe(429);
  });
});

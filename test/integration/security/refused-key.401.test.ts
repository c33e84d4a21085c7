import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PublicId } from "../../../server/core/api-key.ts";
import { defaultKeyPrefixes, makeKeyText } from "../../../server/core/key-format.ts";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { makeRawRequest, type RawAnswer, sendRaw } from "../../support/raw-http.ts";

/** BARS.md A6: who does not hold the whole secret learns nothing from an answer. */
let gateway: GatewayProcess;
/** Two customers' keys that may mint, and ids of every fate. */
let alice: { text: string; publicId: string };
const fates: Record<"active" | "disabled" | "revoked" | "expired" | "deleted", { text: string; publicId: string }> = {
  active: { text: "", publicId: "" },
  disabled: { text: "", publicId: "" },
  revoked: { text: "", publicId: "" },
  expired: { text: "", publicId: "" },
  deleted: { text: "", publicId: "" },
};

const makeText = (publicId?: string): string =>
  makeKeyText("production", defaultKeyPrefixes, randomBytes, publicId as PublicId | undefined).text;

beforeAll(async () => {
  gateway = await openGatewayProcess();
  alice = await gateway.makeKey({ owner_id: "alice", permissions: ["admin:keys", "ai:inference"] });
  const { sql } = gateway.database.database;
  for (const fate of Object.keys(fates) as (keyof typeof fates)[]) {
    fates[fate] = await gateway.makeKey({ owner_id: "bob" });
    const { publicId } = fates[fate];
    if (fate === "disabled") await gateway.call("POST", `/admin/api-keys/${publicId}/disable`, gateway.adminKey);
    if (fate === "revoked") await gateway.call("DELETE", `/admin/api-keys/${publicId}`, gateway.adminKey);
    if (fate === "expired")
      await sql`update api_key set expires_at = now() - interval '1 second' where public_id = ${publicId}`;
    if (fate === "deleted") await sql`delete from api_key where public_id = ${publicId}`;
  }
});
afterAll(() => gateway.close());

/** The whole answer as text, but for what names this one request and this second. */
function makeComparable(answer: RawAnswer | null): string {
  if (answer === null) return "no answer";
  const head = answer.head.replace(/^(x-request-id: ).*$/im, "$1(id)").replace(/^(date: ).*$/im, "$1(date)");
  return `${head}\r\n${answer.body.toString("latin1")}`;
}

const send = (line: string, key: string | null): Promise<RawAnswer | null> =>
  sendRaw(
    gateway.port,
    makeRawRequest([
      line,
      "Host: gateway",
      "Content-Length: 0",
      ...(key === null ? [] : [`Authorization: Bearer ${key}`]),
    ]),
  );

const surfaces = [
  "POST /v1/chat/completions HTTP/1.1",
  "POST /openai/v1/embeddings HTTP/1.1",
  "GET /v1/models HTTP/1.1",
  "GET /v1/models/echo::x HTTP/1.1",
  "GET /v1/there/is/no/such HTTP/1.1",
  "GET /admin/api-keys HTTP/1.1",
  "GET /admin/none HTTP/1.1",
  "GET /trpc/keys.list HTTP/1.1",
];

describe("credentials without the secret", () => {
  test.each(surfaces)("%s: the same bytes for unknown, malformed, somebody's and deleted", async (line) => {
    const presented = [
      makeText(),
      "not-a-key",
      fates.active.text.slice(0, -1),
      fates.active.text.toUpperCase(),
      // The right id of a real key, with another secret and a right checksum.
      ...Object.values(fates).map(({ publicId }) => makeText(publicId)),
      makeText(alice.publicId),
      // The whole secret of a key that is no more.
      fates.deleted.text,
      "x".repeat(500),
    ];
    const answers: string[] = [];
    // Twice: the second time from memory.
    for (const key of [...presented, ...presented]) answers.push(makeComparable(await send(line, key)));
    expect(answers).toHaveLength(presented.length * 2);
    expect([...new Set(answers)]).toHaveLength(1);
    expect(answers[0]).toMatch(/^HTTP\/1\.1 401 /);
    expect(answers[0]).toContain("invalid_api_key");
    expect(answers[0]?.toLowerCase()).toContain("www-authenticate: bearer");
  });

  test.each(surfaces)("%s: the state is told to who presents the whole secret", async (line) => {
    for (const fate of ["disabled", "revoked", "expired"] as const) {
      const answer = makeComparable(await send(line, fates[fate].text));
      expect(answer, fate).toContain(`${fate}_api_key`);
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    }
  });

  test("the comparison sees one byte, one header, one status", async () => {
    const answer = await send(surfaces[0] as string, makeText());
    if (answer === null) throw new Error("no answer");
    const same = makeComparable(answer);
    expect(makeComparable({ ...answer, body: Buffer.concat([answer.body, Buffer.from(" ")]) })).not.toBe(same);
    expect(makeComparable({ ...answer, head: `${answer.head}x-key: 1\r\n` })).not.toBe(same);
    expect(makeComparable({ ...answer, head: answer.head.replace("401", "403") })).not.toBe(same);
    expect(makeComparable(await send(surfaces[0] as string, makeText()))).toBe(same);
  });
});

describe("ids of other people's keys", () => {
  const calls = (id: string): string[] => [
    `GET /admin/api-keys/${id} HTTP/1.1`,
    `PATCH /admin/api-keys/${id} HTTP/1.1`,
    `DELETE /admin/api-keys/${id} HTTP/1.1`,
    `POST /admin/api-keys/${id}/disable HTTP/1.1`,
    `POST /admin/api-keys/${id}/enable HTTP/1.1`,
    `GET /trpc/keys.get?input=${encodeURIComponent(JSON.stringify({ public_id: id }))} HTTP/1.1`,
  ];

  test.each(calls("ID").map((line, index) => [line, index] as const))(
    "%s: as absent as an id that never was",
    async (_line, index) => {
      const ids = ["0123456789zz", fates.active.publicId, fates.revoked.publicId, fates.deleted.publicId];
      const answers: string[] = [];
      for (const id of ids) answers.push(makeComparable(await send(calls(id)[index] as string, alice.text)));
      expect([...new Set(answers)]).toHaveLength(1);
      expect(answers[0]).toMatch(/^HTTP\/1\.1 404 /);
      // What cannot be an id is told so, whether or not anything exists.
      const malformed = makeComparable(await send(calls("short")[index] as string, alice.text));
      expect(malformed).toMatch(/^HTTP\/1\.1 4(04|22) /);
    },
  );

  test("its owner does find it", async () => {
    expect((await send(`GET /admin/api-keys/${fates.active.publicId} HTTP/1.1`, gateway.adminKey))?.status).toBe(200);
    expect((await send(`GET /admin/api-keys/${alice.publicId} HTTP/1.1`, alice.text))?.status).toBe(200);
  });
});

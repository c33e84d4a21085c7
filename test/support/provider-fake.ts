import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { ProviderType } from "../../server/core/provider-type.ts";
import { type AwsAccount, findAwsSignatureFault } from "./aws-signature-check.ts";
import { makeRecorded, type RecordedScenario, type RecordedWire } from "./recorded-answers.ts";

/** One call as it arrived. */
export interface FakeCall {
  path: string;
  headers: IncomingHttpHeaders;
  json: Record<string, unknown>;
  body: Buffer;
}

export interface FakeReply {
  status?: number;
  headers?: Record<string, string>;
  body: Buffer;
}

export interface ProviderFake {
  url: string;
  calls: FakeCall[];
  /** Answers in place of the recorded ones, where set. */
  reply: ((call: FakeCall) => FakeReply) | null;
  close(): Promise<void>;
}

export interface FakeCredentials {
  token: string;
  aws: AwsAccount;
  /** Tokens that Google's endpoint gave. */
  googleTokens: readonly string[];
}

/** Where a provider's call arrives, and in whose words it is answered. */
const wires: readonly [path: RegExp, wire: RecordedWire][] = [
  [/^\/model\/[^/]+\/converse(-stream)?$/, "bedrock"],
  [/^\/model\/[^/]+\/invoke(-with-response-stream)?$/, "bedrock_messages"],
  [/\/publishers\/anthropic\/models\/[^/]+:(rawPredict|streamRawPredict)$/, "anthropic"],
  [/^\/v1\/messages$/, "anthropic"],
  [/:(generateContent|streamGenerateContent\?alt=sse)$/, "gemini"],
  [/\/chat\/completions(\?.*)?$/, "openai"],
];

const scenarios: readonly RecordedScenario[] = ["tools", "json", "reasoning", "text"];

/**
 * Opens a server that is every provider: it checks the credential that the provider of this path wants, signatures too, and
 * answers what is recorded of it. The scenario is the word after `play:` in the request.
 */
export async function openProviderFake(credentials: FakeCredentials): Promise<ProviderFake> {
  const fake: ProviderFake = { url: "", calls: [], reply: null, close: async () => {} };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const { status = 200, headers, body: answer } = findReply(fake, request, body, credentials);
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  fake.close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return fake;
}

function findReply(
  fake: ProviderFake,
  request: IncomingMessage,
  body: Buffer,
  credentials: FakeCredentials,
): FakeReply {
  const { url: path = "", headers } = request;
  const call: FakeCall = { path, headers, json: JSON.parse(body.toString()) as Record<string, unknown>, body };
  fake.calls.push(call);
  const fault = findCredentialFault(call, credentials);
  if (fault !== null)
    return { status: 401, body: Buffer.from(JSON.stringify({ error: { message: fault }, message: fault })) };
  if (fake.reply !== null) return fake.reply(call);
  const other = findOtherReply(path);
  if (other !== null) return { body: Buffer.from(JSON.stringify(other)) };
  const wire = wires.find(([pattern]) => pattern.test(path))?.[1];
  if (wire === undefined) return { status: 404, body: Buffer.from(`{"error":{"message":"nothing at ${path}"}}`) };
  const text = body.toString();
  const tools = (call.json.tools ?? []) as { name?: string }[];
  const said = scenarios.find((name) => text.includes(`play:${name}`)) ?? "text";
  const scenario = tools.some(({ name }) => name === "json") ? "json_tool" : said;
  const stream = call.json.stream === true || /-stream$|:stream|response-stream$/.test(path);
  const { contentType, body: answer } = makeRecorded(wire, scenario, stream);
  return { headers: { "content-type": contentType }, body: answer };
}

/** What is neither a chat nor a message. */
function findOtherReply(path: string): object | null {
  if (path.includes("titan-embed")) return { embedding: [0.5, -0.25], inputTextTokenCount: 3 };
  if (path.endsWith(":embedContent")) return { embedding: { values: [0.5, -0.25] } };
  if (path.endsWith(":predict")) {
    return {
      predictions: [{ embeddings: { values: [0.5, -0.25], statistics: { token_count: 3, truncated: false } } }],
    };
  }
  if (/\/model\/[^/]+\/count-tokens$/.test(path)) return { inputTokens: 42 };
  if (/count_tokens$|count-tokens:rawPredict$/.test(path)) return { input_tokens: 42 };
  if (/\/embeddings(\?.*)?$/.test(path)) {
    const data = [{ object: "embedding", index: 0, embedding: [0.5, -0.25] }];
    return { object: "list", data, model: "m", usage: { prompt_tokens: 3, total_tokens: 3 } };
  }
  return null;
}

function findCredentialFault(
  { path, headers, body }: FakeCall,
  { token, aws, googleTokens }: FakeCredentials,
): string | null {
  if (path.startsWith("/model/")) return findAwsSignatureFault(aws, "POST", path, headers, body);
  const bearer = headers.authorization;
  if (path.includes("/publishers/"))
    return googleTokens.some((given) => bearer === `Bearer ${given}`) ? null : "no token of ours";
  const { name, value } = findHeader(path, token);
  if (headers[name] !== value) return `${name} is not right`;
  const others = ["authorization", "x-api-key", "x-goog-api-key", "api-key"].filter((other) => other !== name);
  return others.some((other) => headers[other] !== undefined) ? "a second credential" : null;
}

function findHeader(path: string, token: string): { name: string; value: string } {
  if (path.startsWith("/v1/messages")) return { name: "x-api-key", value: token };
  if (path.startsWith("/v1beta/")) return { name: "x-goog-api-key", value: token };
  if (path.startsWith("/openai/")) return { name: "api-key", value: token };
  return { name: "authorization", value: `Bearer ${token}` };
}

/** Names of models that the fake's paths hold. */
export const fakeModels: Readonly<Partial<Record<ProviderType, string>>> = {
  anthropic: "claude-sonnet-4-5",
  aws_bedrock: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
  gcp_vertex_anthropic: "claude-sonnet-4-5@20250929",
  gcp_vertex_gemini: "gemini-2.5-flash",
  google_ai_studio_gemini: "gemini-2.5-flash",
};

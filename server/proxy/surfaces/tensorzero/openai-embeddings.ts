import type { Refusal } from "../../../core/error.ts";
import { replaceTopLevelFields } from "../../../core/json-spans.ts";
import { type JsonBody, makeInvalid, parseJsonBody } from "../../json-body.ts";
import { isModel, makeModelRefusal, type ParsedInference, readInference } from "../../parse.ts";
import { Faults } from "../faults.ts";
import { isJson } from "../json-value.ts";
import { makeCost } from "./inference-answer.ts";
import { parseCredentials } from "./request-credentials.ts";
import { checkUnsupported } from "./unsupported.ts";

const prefix = "tensorzero::";
const embeddingPrefix = "tensorzero::embedding_model_name::";
const modelPrefix = "tensorzero::model_name::";

const knownFields: ReadonlySet<string> = new Set(
  "tags credentials dryrun cache_options include_raw_response".split(" ").map((name) => prefix + name),
);

/** Reads a request for embeddings that is written for TensorZero's gateway. */
export function parseTensorZeroEmbeddings(body: Buffer, read: JsonBody): ParsedInference | Refusal {
  const { model: sent } = read.json;
  if (!isModel(sent)) return makeModelRefusal();
  if (sent.startsWith(prefix) && !sent.startsWith(embeddingPrefix) && !sent.startsWith(modelPrefix)) {
    return makeInvalid(`\`model\` must be ${embeddingPrefix}NAME.`, "model");
  }
  const model = sent.startsWith(embeddingPrefix) ? sent.slice(embeddingPrefix.length) : sent;
  if (!isModel(model)) return makeModelRefusal();
  const brought = parseCredentials(read.json["tensorzero::credentials"], "tensorzero::credentials");
  if ("code" in brought) return brought;
  const faults = new Faults();
  const changes: Record<string, string | null> = { model: JSON.stringify(model) };
  for (const { key } of read.fields) {
    if (!key.startsWith(prefix)) continue;
    if (!knownFields.has(key)) faults.add(key.slice(0, 64), "is not supported.");
    changes[key] = null;
  }
  checkUnsupported(read.json, prefix, faults);
  if (faults.first !== null) return faults.first;
  const plainBody = replaceTopLevelFields(body, [...read.fields], changes);
  const plainRead = parseJsonBody(plainBody);
  if ("code" in plainRead) return plainRead;
  const request = readInference("embeddings", plainBody, plainRead);
  if ("code" in request) return request;
  return {
    ...request,
    // With the tags, which are read from here.
    body,
    ...read,
    credentials: brought.secrets,
    translation: {
      request,
      endpoint: "embeddings",
      always: true,
      makeAnswer(answer, { costNanoUsd }) {
        if (!Array.isArray(answer.data)) throw new TypeError("no embeddings");
        const usage = { ...(isJson(answer.usage) ? answer.usage : {}), tensorzero_cost: makeCost(costNanoUsd) };
        return { ...answer, model: sent, usage };
      },
      openStream() {
        throw new TypeError("embeddings are never streamed");
      },
    },
  };
}

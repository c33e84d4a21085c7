import type { ProviderConfig } from "../platform/config.ts";
import type { ProviderTarget } from "./types.ts";

/**
 * Where the calls of one provider and model go. All of it is the operator's word: of a client's there is at most the
 * model's name, escaped, in Azure's path.
 *
 * Sources: Azure OpenAI "API version lifecycle" (v1 and deployment paths); Amazon Bedrock "service endpoints"; Vertex AI
 * "locations" (the global one has no prefix).
 */
export function makeTargetAddress(
  provider: Pick<ProviderConfig, "type" | "apiBase" | "options">,
  upstreamModel: string,
): Pick<ProviderTarget, "origin" | "basePath" | "query"> {
  const { region, vertex, apiVersion } = provider.options;
  const address = { ...parseBase(provider.apiBase), query: "" };
  switch (provider.type) {
    case "azure": {
      const query = apiVersion === null ? "" : `?api-version=${apiVersion}`;
      // An address with a path of its own is one that the operator has spelt out.
      if (address.basePath !== "") return { ...address, query };
      const deployment = `/openai/deployments/${encodeURIComponent(upstreamModel)}`;
      return { ...address, basePath: apiVersion === null ? "/openai/v1" : deployment, query };
    }
    case "aws_bedrock":
      return { ...address, origin: address.origin ?? `https://bedrock-runtime.${region}.amazonaws.com` };
    case "gcp_vertex_anthropic":
    case "gcp_vertex_gemini": {
      if (vertex === null) return address;
      const { projectId, location } = vertex;
      const host = location === "global" ? "aiplatform.googleapis.com" : `${location}-aiplatform.googleapis.com`;
      const origin = address.origin ?? `https://${host}`;
      return {
        origin,
        basePath: `${address.basePath || "/v1"}/projects/${projectId}/locations/${location}`,
        query: "",
      };
    }
    default:
      return address;
  }
}

function parseBase(apiBase: string | null): { origin: string | null; basePath: string } {
  if (apiBase === null) return { origin: null, basePath: "" };
  const url = new URL(apiBase);
  return { origin: url.origin, basePath: url.pathname.replace(/(?<!\/)\/+$/, "") };
}

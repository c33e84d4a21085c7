import { createHash, createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export interface AwsAccount {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  region: string;
}

const sha256 = (text: string | Buffer): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/**
 * Checks a request's Signature Version 4 from what arrived. Shares no code with who signs.
 * Source: AWS, "Create a signed AWS API request".
 *
 * @returns what is wrong, or `null`.
 */
export function findAwsSignatureFault(
  account: AwsAccount,
  method: string,
  url: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): string | null {
  const said = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
    headers.authorization ?? "",
  );
  if (said === null) return "no signature";
  const [, credential = "", signedNames = "", signature] = said;
  const [accessKeyId, day, region, service, terminator] = credential.split("/");
  if (accessKeyId !== account.accessKeyId) return "another account";
  if (region !== account.region || service !== "bedrock" || terminator !== "aws4_request") return "another scope";
  const date = String(headers["x-amz-date"]);
  if (!date.startsWith(`${day}T`)) return "another day";
  const ageMs = Math.abs(
    Date.now() - Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z")),
  );
  if (!(ageMs < 15 * 60_000)) return "too old";
  const names = signedNames.split(";");
  for (const name of ["host", "x-amz-date"]) if (!names.includes(name)) return `${name} is not signed`;
  if (headers["x-amz-security-token"] !== account.sessionToken) return "another session";
  if (account.sessionToken !== undefined && !names.includes("x-amz-security-token")) return "the session is not signed";
  const [path = "", query = ""] = url.split("?");
  // Each part of the path as it came, encoded once more.
  const canonicalPath = path
    .split("/")
    .map((part) =>
      encodeURIComponent(part).replace(
        /[!'()*]/g,
        (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
      ),
    )
    .join("/");
  const bodyHash = sha256(body);
  const sentHash = headers["x-amz-content-sha256"];
  if (sentHash !== undefined && sentHash !== bodyHash) return "another body";
  const canonical = [
    method,
    canonicalPath,
    query.split("&").sort().join("&"),
    ...names.map(
      (name) =>
        `${name}:${String(headers[name] ?? "")
          .trim()
          .replace(/ +/g, " ")}`,
    ),
    "",
    signedNames,
    bodyHash,
  ].join("\n");
  const scope = `${day}/${region}/bedrock/aws4_request`;
  const key = hmac(hmac(hmac(hmac(`AWS4${account.secretAccessKey}`, String(day)), region), "bedrock"), "aws4_request");
  const expected = hmac(key, ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n")).toString("hex");
  return expected === signature ? null : "a wrong signature";
}

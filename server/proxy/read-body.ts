import type { IncomingMessage } from "node:http";
import { makeRefusal, type Refusal } from "../core/error.ts";

/**
 * Reads a whole body as bytes.
 *
 * @param bytesMax more than this is refused, by the declared length before anything is read, else as soon as it is passed.
 * @param takesForms `multipart/form-data` too.
 * @returns the bytes, a refusal (413, 415), or `null` where the client went away.
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  takesForms = false,
): Promise<Buffer | Refusal | null> {
  const encoding = request.headers["content-encoding"];
  const type = request.headers["content-type"];
  if ((encoding !== undefined && encoding !== "identity") || !(isJson(type) || (takesForms && isForm(type))))
    return Promise.resolve(makeRefusal("unsupported_media_type"));
  const tooLarge = (): Refusal => makeRefusal("body_too_large", `The body is larger than ${bytesMax} bytes.`);
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) return Promise.resolve(tooLarge());
  // It left while its key was looked up: the events that are waited for below have been.
  if (request.destroyed) return Promise.resolve(null);
  return new Promise((resolve) => {
    let first: Buffer | null = null;
    let rest: Buffer[] | null = null;
    let bytes = 0;
    const collect = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        request.off("data", collect);
        request.pause();
        resolve(tooLarge());
      } else if (first === null) first = chunk;
      else if (rest === null) rest = [first, chunk];
      else rest.push(chunk);
    };
    request.on("data", collect);
    request.on("end", () => resolve(rest === null ? (first ?? Buffer.alloc(0)) : Buffer.concat(rest, bytes)));
    // After `end` it changes nothing: the promise is settled. An error that nobody listens for ends in it too.
    request.on("close", () => resolve(null));
  });
}

function isJson(type: string | undefined): boolean {
  if (type === undefined || type === "application/json") return true;
  const end = type.indexOf(";");
  return (end === -1 ? type : type.slice(0, end)).trim().toLowerCase() === "application/json";
}

/** True for a body that is a form with files. */
export function isForm(type: string | undefined): boolean {
  return /^multipart\/form-data\s*(?:;|$)/i.test(type ?? "");
}

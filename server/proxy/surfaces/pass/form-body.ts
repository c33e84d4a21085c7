import { Response } from "undici";
import type { Refusal } from "../../../core/error.ts";
import type { JsonField } from "../../../core/json-spans.ts";
import { makeInvalid } from "../../json-body.ts";

const boundary = "tollgate-form-boundary-9b1f6c2e4d7a";
const partsMax = 256;

/** A form that was read and written anew, so that the provider can see no other one than the gateway did. */
export interface FormBody {
  body: Buffer;
  contentType: string;
  /** Its fields that are texts; of each the first. */
  texts: Readonly<Record<string, string>>;
  files: number;
  /** Where the model's name stands in `body`. */
  model: JsonField;
}

/**
 * Reads a `multipart/form-data` body.
 *
 * @returns the form with the model first, or a refusal (400): no form, or not exactly one `model`.
 */
export async function parseForm(body: Buffer, contentType: string): Promise<FormBody | Refusal> {
  let form: Awaited<ReturnType<Response["formData"]>>;
  try {
    form = await new Response(body, { headers: { "content-type": contentType } }).formData();
  } catch {
    return makeInvalid("The body is not a valid multipart form.");
  }
  const parts = [...form];
  if (parts.length > partsMax) return makeInvalid(`The form has more than ${partsMax} fields.`);
  const models = form.getAll("model");
  const [model] = models;
  if (models.length !== 1 || typeof model !== "string") {
    return makeInvalid("`model` must stand once in the form, and be the name of a model.", "model");
  }
  if (JSON.stringify(parts.map(([name, value]) => [name, typeof value === "string" ? value : ""])).includes(boundary)) {
    return makeInvalid("The form holds a text that it may not hold.");
  }
  const texts: Record<string, string> = Object.create(null);
  const head = Buffer.from(makeHead("model", null));
  const pieces: Buffer[] = [head, Buffer.from(model)];
  let files = 0;
  for (const [name, value] of parts) {
    if (name === "model") continue;
    if (typeof value === "string") {
      texts[name] ??= value;
      pieces.push(Buffer.from(`\r\n${makeHead(name, null)}${value}`));
    } else {
      files++;
      const bytes = Buffer.from(await value.arrayBuffer());
      if (bytes.includes(boundary)) return makeInvalid("The form holds a file that it may not hold.");
      pieces.push(Buffer.from(`\r\n${makeHead(name, value)}`), bytes);
    }
  }
  pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`));
  const valueStart = head.length;
  const valueEnd = valueStart + Buffer.byteLength(model);
  return {
    body: Buffer.concat(pieces),
    contentType: `multipart/form-data; boundary=${boundary}`,
    texts: Object.assign(texts, { model }),
    files,
    model: { key: "model", pairStart: 0, valueStart, valueEnd },
  };
}

/** Source: WHATWG HTML, multipart form data: these three are escaped in names. */
function quote(text: string): string {
  return `"${text.replace(/\n/g, "%0A").replace(/\r/g, "%0D").replace(/"/g, "%22")}"`;
}

const mediaType = /^[\w.+-]+\/[\w.+-]+$/;

function makeHead(name: string, file: { name: string; type: string } | null): string {
  const head = `--${boundary}\r\ncontent-disposition: form-data; name=${quote(name)}`;
  if (file === null) return `${head}\r\n\r\n`;
  const type = mediaType.test(file.type) ? file.type : "application/octet-stream";
  return `${head}; filename=${quote(file.name)}\r\ncontent-type: ${type}\r\n\r\n`;
}

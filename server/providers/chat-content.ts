import type { LanguageModelV3FilePart, LanguageModelV3TextPart } from "@ai-sdk/provider";

export type Json = { readonly [field: string]: unknown };

/** A request that a provider's shape has no place for. `param` names the field, from the top of the body. */
export class UntranslatableError extends Error {
  readonly param: string;

  constructor(param: string, message: string) {
    super(message);
    this.param = param;
  }
}

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const dataUrl = /^data:([^;,]+)(?:;[^;,]+)*;base64,/;
const audioTypes: Readonly<Record<string, string>> = { wav: "audio/wav", mp3: "audio/mpeg" };

/**
 * Reads the content of a user's message: a text, or parts of text, image, audio and file.
 *
 * @param path of the content in the body.
 * @throws UntranslatableError.
 */
export function parseUserContent(
  content: unknown,
  path: string,
): (LanguageModelV3TextPart | LanguageModelV3FilePart)[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw new UntranslatableError(path, `\`${path}\` must be a text or a list of parts.`);
  return content.map((part: unknown, index) => {
    const at = `${path}.${index}`;
    if (!isJson(part)) throw new UntranslatableError(at, `\`${at}\` must be an object.`);
    const options = makeCacheOptions(part.cache_control);
    return { ...parsePart(part, at), ...(options === undefined ? {} : { providerOptions: options }) };
  });
}

/** Joins the texts of a content that may hold nothing else; `null` and nothing are no text. */
export function parseTextContent(content: unknown, path: string): string {
  if (content === undefined || content === null) return "";
  return parseUserContent(content, path)
    .map((part) => {
      if (part.type === "text") return part.text;
      throw new UntranslatableError(path, `\`${path}\` must hold text only.`);
    })
    .join("\n");
}

/**
 * Marks of Anthropic's prompt cache, which OpenAI's shape has no word for but gateways carry on parts and messages.
 * Source: Anthropic "Prompt caching"; Amazon Bedrock "Prompt caching".
 */
export function makeCacheOptions(mark: unknown) {
  if (!isJson(mark) || mark.type !== "ephemeral") return undefined;
  const ttl = mark.ttl === "5m" || mark.ttl === "1h" ? { ttl: mark.ttl } : {};
  return {
    anthropic: { cacheControl: { type: "ephemeral", ...ttl } },
    bedrock: { cachePoint: { type: "default", ...ttl } },
  };
}

function parsePart(part: Json, at: string): LanguageModelV3TextPart | LanguageModelV3FilePart {
  switch (part.type) {
    case "text":
      return { type: "text", text: parseText(part.text, `${at}.text`) };
    case "image_url": {
      const url = isJson(part.image_url) ? part.image_url.url : part.image_url;
      return parseFile(parseText(url, `${at}.image_url.url`), "image/*", `${at}.image_url.url`);
    }
    case "input_audio": {
      const audio = isJson(part.input_audio) ? part.input_audio : {};
      const mediaType = audioTypes[String(audio.format)];
      if (mediaType === undefined) {
        const field = `${at}.input_audio.format`;
        throw new UntranslatableError(field, `\`${field}\` must be wav or mp3.`);
      }
      return { type: "file", mediaType, data: parseText(audio.data, `${at}.input_audio.data`) };
    }
    case "file": {
      const file = isJson(part.file) ? part.file : {};
      const filename = typeof file.filename === "string" ? { filename: file.filename } : {};
      return {
        ...parseFile(parseText(file.file_data, `${at}.file.file_data`), null, `${at}.file.file_data`),
        ...filename,
      };
    }
    default:
      throw new UntranslatableError(
        `${at}.type`,
        `\`${at}.type\` must be text, image_url, input_audio or file for this provider.`,
      );
  }
}

function parseText(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw new UntranslatableError(path, `\`${path}\` must be a text.`);
}

/** @param urlType the media type of what a web address names; `null`: only the data itself is taken. */
function parseFile(url: string, urlType: string | null, path: string): LanguageModelV3FilePart {
  const data = dataUrl.exec(url);
  if (data !== null) return { type: "file", mediaType: data[1] as string, data: url.slice(data[0].length) };
  if (urlType !== null && /^https?:\/\//i.test(url) && URL.canParse(url)) {
    return { type: "file", mediaType: urlType, data: new URL(url) };
  }
  const web = urlType === null ? "" : " or an http(s) address";
  throw new UntranslatableError(path, `\`${path}\` must be a data: URL in base64${web}.`);
}

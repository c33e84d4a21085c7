import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { OpenApiDocument } from "../../server/admin/openapi-document.ts";
import type { Operation } from "./openapi-requests.ts";

export interface OpenApiAnswer {
  status: number;
  contentType: string | null;
  text: string;
}

/** Holds answers to the document. */
export interface OpenApiAnswers {
  compile(schema: Record<string, unknown>): ValidateFunction;
  /** What is wrong with an answer by the document; empty where nothing is. */
  findProblem(operation: Operation, answer: OpenApiAnswer): string;
}

export function makeOpenApiAnswers(document: OpenApiDocument): OpenApiAnswers {
  const ajv = new Ajv2020({ strict: false, validateFormats: true });
  addFormats.default(ajv);
  const compiled = new Map<unknown, ValidateFunction>();
  const compile = (schema: Record<string, unknown>): ValidateFunction => {
    const known = compiled.get(schema);
    if (known !== undefined) return known;
    const error = document.components.schemas.Error;
    const made = ajv.compile(schema.$ref === "#/components/schemas/Error" && error !== undefined ? error : schema);
    compiled.set(schema, made);
    return made;
  };
  return {
    compile,
    findProblem({ operation }, { status, contentType, text }) {
      if (status >= 500) return `${status}: ${text}`;
      const documented = operation.responses[String(status)];
      if (documented === undefined) return `${status} is not documented: ${text}`;
      const schema = documented.content?.["application/json"]?.schema;
      if (schema === undefined) return text === "" ? "" : `${status} has a body: ${text}`;
      if (contentType !== "application/json; charset=utf-8") return "the media type is another";
      const validate = compile(schema);
      return validate(JSON.parse(text)) ? "" : `${status}: ${ajv.errorsText(validate.errors)}: ${text}`;
    },
  };
}

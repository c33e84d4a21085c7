import { describe, expect, it } from "vitest";
import { makeOpenApiDocument } from "../../../server/admin/openapi-document.ts";
import { examples } from "../../../server/admin/openapi-examples.ts";
import { makeOpenApiAnswers } from "../../support/openapi-answers.ts";
import { listOperations, type Operation } from "../../support/openapi-requests.ts";

const document = makeOpenApiDocument("0.0.0", "");
const { compile, findProblem } = makeOpenApiAnswers(document);
const operations = listOperations(document);

describe("the document", () => {
  it("says of each operation what it is, what it takes and what it answers", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(operations.length).toBeGreaterThan(8);
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
    for (const { operation, path } of operations) {
      expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
      expect(operation.summary.length).toBeGreaterThan(5);
      expect(operation.tags).toHaveLength(1);
      const parameters = operation.parameters ?? [];
      expect(
        parameters.filter(({ description }) => description.length < 5).map(({ name }) => `${path} ${name}`),
      ).toEqual([]);
      expect(parameters.filter(({ in: place }) => place === "path").map(({ name }) => `{${name}}`)).toEqual(
        path.match(/\{[a-z_]+\}/g) ?? [],
      );
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(response.description).not.toBe("");
        const schema = response.content?.["application/json"]?.schema;
        expect([status, Object.keys(schema ?? {}).length > 0]).toEqual([status, status !== "204"]);
      }
    }
  });

  it("its examples are what their schemas say", () => {
    let looked = 0;
    for (const [id, { requests, answers }] of Object.entries(examples)) {
      const { operation } = operations.find((each) => each.id === id) as Operation;
      const body = operation.requestBody?.content["application/json"]?.schema ?? {};
      const answer = operation.responses["201"]?.content?.["application/json"]?.schema ?? {};
      const check = (schema: Record<string, unknown>, value: unknown) => {
        const validate = compile(schema);
        validate(value);
        expect(validate.errors ?? []).toEqual([]);
      };
      for (const { value } of Object.values(requests)) check(body, value);
      for (const { value } of Object.values(answers)) check(answer, value);
      looked += Object.keys(requests).length + Object.keys(answers).length;
    }
    expect(looked).toBeGreaterThan(0);
  });

  it("the check sees an answer that is not documented, and one with a field too many", () => {
    const operation = operations.find(({ id }) => id === "getApiKey") as Operation;
    const contentType = "application/json; charset=utf-8";
    const error = { message: "m", type: "t", param: null, code: "not_found" };
    const answer = (status: number, value: unknown) => ({ status, contentType, text: JSON.stringify(value) });
    expect(findProblem(operation, answer(404, { error }))).toBe("");
    expect(findProblem(operation, answer(418, { error }))).toContain("not documented");
    expect(findProblem(operation, answer(404, { error: { ...error, stack: "at …" } }))).toContain("additional");
    expect(findProblem(operation, answer(200, { public_id: "x", digest: "y" }))).not.toBe("");
  });
});

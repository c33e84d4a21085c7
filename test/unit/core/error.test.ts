import { describe, expect, test } from "vitest";
import { AppError, type ErrorCode, errorTable, makeRefusal } from "../../../server/core/error.ts";

/** The table of the contract: every code under its status. */
const contract: Readonly<Record<number, readonly string[]>> = {
  400: ["invalid_request", "conflicting_credentials", "reserved_tag", "model_unpriced"],
  401: ["missing_api_key", "invalid_api_key", "expired_api_key", "disabled_api_key", "revoked_api_key"],
  403: ["model_not_allowed", "permission_denied", "ip_not_allowed", "origin_not_allowed", "plan_limit_keys"],
  404: ["model_not_found", "not_found"],
  409: ["alias_taken", "conflict"],
  413: ["body_too_large"],
  415: ["unsupported_media_type"],
  422: ["validation_failed"],
  429: ["rate_limit_exceeded", "token_limit_exceeded", "concurrency_limit_exceeded", "budget_exceeded"],
  502: ["upstream_error"],
  503: ["overloaded", "store_unavailable"],
  504: ["upstream_timeout"],
};

test.each(Object.entries(contract))("status %s", (status, codes) => {
  for (const code of codes) expect(errorTable[code as ErrorCode]?.status).toBe(Number(status));
});

test("every code has a whole sentence to show", () => {
  for (const row of Object.values(errorTable)) expect(row.message).toMatch(/^[A-Z].*[.]$/);
});

describe("a refusal", () => {
  test("has the table's message unless a better one is given", () => {
    expect(makeRefusal("not_found")).toEqual({ code: "not_found", message: "Not found." });
    expect(makeRefusal("not_found", "No such key.", { param: "id" })).toEqual({
      code: "not_found",
      message: "No such key.",
      param: "id",
    });
  });

  test("travels as an exception with its status and cause", () => {
    const cause = new Error("socket");
    const error = new AppError("store_unavailable", undefined, { retryAfterSeconds: 2, cause });
    expect(error).toMatchObject({
      code: "store_unavailable",
      status: 503,
      message: errorTable.store_unavailable.message,
      cause,
    });
    expect(error.refusal).toEqual({
      code: "store_unavailable",
      message: errorTable.store_unavailable.message,
      retryAfterSeconds: 2,
    });
    expect(new AppError("conflict").cause).toBeUndefined();
  });
});

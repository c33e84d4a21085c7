import { it } from "vitest";
import { expectConformance, listOperationsBy } from "../../support/openapi-conformance.ts";

it.each(listOperationsBy("PUT", "PATCH", "DELETE"))(
  "$id: valid requests, broken ones and strangers are answered as documented",
  (operation) => expectConformance(operation),
  3_600_000,
);

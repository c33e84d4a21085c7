import { it } from "vitest";
import { expectConformance, listOperationsBy } from "../../support/openapi-conformance.ts";

it.each(listOperationsBy("GET"))(
  "$id: valid requests, broken ones and strangers are answered as documented",
  (operation) => expectConformance(operation),
  3_600_000,
);

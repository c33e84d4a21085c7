import type { Assertion } from "vitest";

declare module "vitest" {
  /** One type of assertion for every value: no matcher that we use asks for the value's, and each new one costs the compiler. */
  interface ExpectStatic {
    (actual: unknown, message?: string): Assertion;
  }
}

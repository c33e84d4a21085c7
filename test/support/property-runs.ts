import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** What of a property's runs this project does: `npm run check` does a sample, the fuzz project all. */
    propertyShare: number;
  }
}

/** How many of a property's `full` runs to do here. Files named `*-property.test.ts` run in both projects. */
export function runsOf(full: number): number {
  return Math.ceil(full * inject("propertyShare"));
}

/** For a loop over all cases: says which to do here, evenly spread from the first one on; in the fuzz project each. */
export function makeSampler(): () => boolean {
  const stride = Math.round(1 / inject("propertyShare"));
  let count = 0;
  return () => count++ % stride === 0;
}

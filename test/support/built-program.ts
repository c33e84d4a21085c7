import { fileURLToPath } from "node:url";

/**
 * A program of this folder as `build-setup.ts` has compiled it: its start takes half the time of one from its source.
 *
 * @param name without its ending.
 */
export function findBuiltProgram(name: string): string {
  return fileURLToPath(new URL(`../../dist/test/support/${name}.js`, import.meta.url));
}

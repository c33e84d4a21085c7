// `node --import ./scripts/typescript.mjs program.ts` runs TypeScript, also in the threads of a program (which tsx leaves
// alone), and starts in a third of the time. Node does it itself from 22.18 on; older ones get typescript-hooks.mjs.
import { register } from "node:module";

if (!("typescript" in process.features)) {
  process.setSourceMapsEnabled(true);
  register("./typescript-hooks.mjs", import.meta.url);
}

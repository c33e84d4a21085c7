import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Finds a program in the folders of PATH and, as it is not always there, of the system's own programs. */
export function findOnPath(program: string): string | null {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"]) {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // The next folder.
    }
  }
  return null;
}

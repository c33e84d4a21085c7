// Mends two faults of postgres.js 3.4.9 that no release has mended yet (porsager/postgres issues 1154 and 1208). A transaction whose
// connection was lost goes on to write its next statement to it: outside of any promise that ends the process, or, where the
// connection was made anew meanwhile, the statement runs in somebody else's session. And a connection that is lost while a small
// write waits for the end of the turn keeps the note that one is due, and never writes again. Plain JavaScript without
// dependencies: it runs right after an install.
import fs from "node:fs";
import path from "node:path";

const mended = "// mended by Tollgate: scripts/mend-driver.mjs\n";

/** What stands in a file, how often, and what has to. The names are the driver's own. */
const changes = /** @type {const} */ ({
  "connection.js": [
    [
      "    clearImmediate(nextWriteTimer)\n",
      2,
      "    clearImmediate(nextWriteTimer)\n    chunk = nextWriteTimer = null\n",
    ],
  ],
  "index.js": [
    ["      , prepare = null\n", 1, "      , prepare = null\n      , lost = null\n"],
    ["reject) => connection.onclose = reject)", 1, "reject) => connection.onclose = e => reject(lost = e))"],
    [
      "        q.catch(e => uncaughtError || (uncaughtError = e))\n",
      1,
      "        q.catch(e => uncaughtError || (uncaughtError = e))\n        if (lost !== null)\n          return q.reject(lost)\n",
    ],
  ],
});

/** @param {string} root */
function listFiles(root) {
  return Object.entries(changes).map(([name, list]) => ({
    file: path.join(root, "node_modules/postgres/src", name),
    list,
  }));
}

/**
 * @param {string} root the repository's.
 * @returns {boolean} whether the installed driver still has the faults.
 */
export function isDriverFaulty(root) {
  return listFiles(root).some(({ file }) => fs.existsSync(file) && !fs.readFileSync(file, "utf8").startsWith(mended));
}

/**
 * Mends the installed driver; what is mended already stays as it is.
 *
 * @param {string} root the repository's.
 * @throws where its text is another: a newer release has to be looked at, and this file may go.
 */
export function mendDriver(root) {
  for (const { file, list } of listFiles(root)) {
    let text = fs.readFileSync(file, "utf8");
    if (text.startsWith(mended)) continue;
    for (const [from, times, to] of list) {
      if (text.split(from).length - 1 !== times) throw new Error(`scripts/mend-driver.mjs does not know ${file}`);
      text = text.replaceAll(from, () => to);
    }
    // Beside it first: a process that loads it meanwhile must not read half of it.
    fs.writeFileSync(`${file}.new`, mended + text);
    fs.renameSync(`${file}.new`, file);
  }
}

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findBuiltProgram } from "../support/built-program.ts";

const racers = 4;
const folders = 200;
/** Time for the racers to start. */
const startInMs = 4_000;

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "tollgate-owner-lock-"));
  for (let index = 0; index < folders; index++) {
    mkdirSync(join(root, String(index)));
    // The pid of a living process that is another one by now.
    writeFileSync(join(root, String(index), "postgres.owner.1"), JSON.stringify({ pid: 1, identity: "gone" }));
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

it("of processes that race for folders whose owners are dead, each folder gets exactly one", async () => {
  const startMs = String(Date.now() + startInMs);
  const args = [findBuiltProgram("owner-lock-child"), root, String(folders), startMs];
  const children = Array.from({ length: racers }, () =>
    spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] }),
  );
  const won = await Promise.all(
    children.map(async (child) => {
      for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line) as number[];
      throw new Error("a racer ended without a word");
    }),
  );
  for (const child of children) child.stdin.end();
  expect(won.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: folders }, (_, index) => index));
});

#!/usr/bin/env -S node --max-semi-space-size=32
import { text as readText } from "node:stream/consumers";
import { runCli } from "./program.ts";

// A reader that went away (`tollgate keys list | head`) is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  columns: process.stdout.columns,
  readInput: () => readText(process.stdin),
});

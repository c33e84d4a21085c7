import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Starts the workers as a gateway does, and tells their process id and messages on standard output. */
const entry = fileURLToPath(new URL("../../workers/main.ts", import.meta.url));
const child = fork(entry, [], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
process.stdout.write(`${JSON.stringify({ pid: child.pid })}\n`);
child.on("message", (message) => process.stdout.write(`${JSON.stringify(message)}\n`));

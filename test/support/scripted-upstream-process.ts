/**
 * The scripted upstream as a process of its own, so that its log outlives a killed gateway.
 * `tsx test/support/scripted-upstream-process.ts --port N --log FILE`; prints its address, ends on SIGTERM.
 */
import { parseArgs } from "node:util";
import { openScriptedUpstream } from "./scripted-upstream.ts";

const { values } = parseArgs({ options: { port: { type: "string" }, log: { type: "string" } } });
const upstream = await openScriptedUpstream({
  port: Number(values.port ?? 0),
  ...(values.log === undefined ? {} : { logFile: values.log }),
});
process.stdout.write(`${upstream.url}\n`);

const stop = (): void => {
  upstream.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

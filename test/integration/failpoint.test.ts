import { spawnSync } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { loadProcessFailpoint } from "../../server/platform/config.ts";
import { parseFailpoint, passFailpoint, setFailpoint } from "../../server/platform/failpoint.ts";

const module = new URL("../../server/platform/failpoint.ts", import.meta.url).href;

afterEach(() => {
  delete process.env.TOLLGATE_FAILPOINT;
  setFailpoint(null);
});

/** Passes a point five times in a process of its own, which tells each time. */
function runPast(name: string, failpoint: string) {
  const script = `
    import { parseFailpoint, passFailpoint, setFailpoint } from ${JSON.stringify(module)};
    setFailpoint(parseFailpoint(${JSON.stringify(failpoint)}));
    for (let pass = 0; pass < 5; pass++) {
      passFailpoint(${JSON.stringify(name)});
      process.stdout.write("+");
    }`;
  const tsx = import.meta.resolve("tsx");
  const args = ["--import", tsx, "--input-type=module", "--eval", script];
  const { signal, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { signal, passed: stdout };
}

test("the process dies at its point, the nth time that it passes it", () => {
  expect(runPast("first-byte", "first-byte")).toEqual({ signal: "SIGKILL", passed: "" });
  expect(runPast("first-byte", "first-byte:3")).toEqual({ signal: "SIGKILL", passed: "++" });
  expect(runPast("before-commit", "first-byte:3")).toEqual({ signal: null, passed: "+++++" });
});

test("without one nothing happens", () => {
  expect(loadProcessFailpoint({ host: "0.0.0.0" })).toBeNull();
  setFailpoint(null);
  expect(passFailpoint("first-byte")).toBeUndefined();
});

test("it is read from the environment, of a process that other machines cannot reach", () => {
  process.env.TOLLGATE_FAILPOINT = "after-commit:7";
  expect(loadProcessFailpoint({ host: "127.0.0.1" })).toEqual({ name: "after-commit", nth: 7 });
  expect(() => loadProcessFailpoint({ host: "0.0.0.0" })).toThrow(
    "TOLLGATE_FAILPOINT: set with HOST 0.0.0.0; is for tests: allowed only where HOST is a loopback address",
  );
});

test.each(["", "nowhere", "first-byte:0", "first-byte:", "first-byte:-1", "first-byte 1", "first_byte"])(
  "%o names no point",
  (text) => {
    expect(() => parseFailpoint(text)).toThrow(/^TOLLGATE_FAILPOINT: found .*allowed: journal-opened, /);
  },
);

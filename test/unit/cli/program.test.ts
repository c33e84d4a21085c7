import { describe, expect, it } from "vitest";
import { collectBudget, collectList, collectPair, parseCount, parseKeyFlags } from "../../../scripts/cli/key-flags.ts";
import { makeProgram, runCli } from "../../../scripts/cli/program.ts";
import { makePropertyTable, makeTable } from "../../../scripts/cli/table.ts";

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  let out = "";
  let error = "";
  const io = {
    env: {},
    out: (text: string) => void (out += text),
    error: (text: string) => void (error += text),
  };
  const code = await runCli(args, io);
  return { code, out, error };
}

describe("--help", () => {
  const silent = { env: {}, out: () => undefined, error: () => undefined };
  const paths = makeProgram(silent).commands.flatMap((command) => [
    [command.name()],
    ...command.commands.map((child) => [command.name(), child.name()]),
  ]);

  it("lists exactly the commands that work", () => {
    expect(paths.map((path) => path.join(" ")).sort()).toEqual([
      "audit",
      "audit list",
      "audit verify",
      "budgets",
      "budgets list",
      "budgets processes",
      "budgets reset",
      "budgets top-up",
      "budgets write-off",
      "completion",
      "config",
      "config check",
      "credentials",
      "credentials delete",
      "credentials list",
      "credentials rotate-key",
      "credentials set",
      "credentials test",
      "doctor",
      "keys",
      "keys create",
      "keys disable",
      "keys enable",
      "keys import",
      "keys list",
      "keys revoke",
      "keys rotate",
      "keys scan",
      "keys show",
      "keys update",
      "limits",
      "limits add",
      "limits delete",
      "limits list",
      "limits preview",
      "migrate",
      "openapi",
      "prices",
      "prices delete",
      "prices list",
      "prices search",
      "prices set",
      "providers",
      "start",
      "usage",
      "usage reconcile",
      "usage rerate",
      "users",
      "users create",
      "users delete",
      "users disable",
      "users enable",
      "users invite",
      "users list",
      "users show",
      "users update",
    ]);
  });

  it.each(paths.map((path) => [path.join(" ")]))("%s --help: exit 0, on standard output", async (path) => {
    const answer = await run(...path.split(" "), "--help");
    expect([answer.code, answer.error]).toEqual([0, ""]);
    expect(answer.out).toMatch(new RegExp(`^Usage: tollgate ${path}`));
  });
});

describe("wrong use: exit 2, nothing on standard output", () => {
  it.each([
    [["nonsense"], /unknown command 'nonsense'/],
    [[], /^Usage: tollgate/],
    [["keys", "nonsense"], /unknown command/],
    [["keys", "show"], /missing required argument/],
    [["keys", "create", "--budget", "25"], /USD\/PERIOD/],
    [["keys", "create", "--tag", "novalue"], /NAME=VALUE/],
    [["keys", "create", "--max-output-tokens", "1.5"], /whole number/],
    [["keys", "create", "--admin", "--permission", "ai:inference"], /--admin/],
    [["keys", "update", "abcdefghijkl"], /nothing to change/],
    [["usage", "--grain", "week"], /minute, hour, day/],
    [["--expiration", "2030-01-01T00:00:00Z"], /goes with --create-api-key/],
    [["--create-api-key", "--disable-api-key", "abcdefghijkl"], /exclude each other/],
  ])("%j", async (args, text) => {
    const answer = await run(...args);
    expect([answer.code, answer.out]).toEqual([2, ""]);
    expect(answer.error).toMatch(text);
  });
});

describe("flags of keys", () => {
  it("lists, pairs and budgets add up; none empties", () => {
    expect(collectList("a, b", ["c"])).toEqual(["c", "a", "b"]);
    expect(collectPair("a=b=c", [["x", "y"]])).toEqual([
      ["x", "y"],
      ["a", "b=c"],
    ]);
    expect(collectPair("none")).toEqual([]);
    expect(collectBudget("2.5/month@Europe/Berlin")).toEqual([
      { limit_usd: "2.5", period: "month", timezone: "Europe/Berlin" },
    ]);
    expect(parseCount("20")).toBe(20);
    expect(() => parseCount("0")).toThrow("whole number");
  });

  it("becomes the input of a procedure; what was not said is absent", () => {
    expect(parseKeyFlags({})).toEqual({});
    expect(
      parseKeyFlags({
        name: "none",
        owner: "none",
        expiration: "never",
        budget: collectBudget("none"),
        model: ["none"],
        rateLimit: [["requests_per_minute", "10"]],
        maxOutputTokens: null,
      }),
    ).toEqual({
      name: null,
      owner_id: null,
      expires_at: null,
      budgets: [],
      models: [],
      rate_limits: { requests_per_minute: 10 },
      max_output_tokens: null,
    });
  });
});

describe("tables", () => {
  it("line up, and take no control characters from the data", () => {
    const rows = [
      { a: "x\u001b[31mred\n", n: 5 },
      { a: "", n: 12_345 },
    ];
    const text = makeTable(rows, [
      { title: "NAME", read: (row) => row.a },
      { title: "COUNT", read: (row) => row.n, right: true },
    ]);
    expect(text).toBe("NAME       COUNT\nx [31mred      5\n-          12345\n");
    expect(
      makePropertyTable([
        ["a", "1"],
        ["long", ""],
      ]),
    ).toBe("a     1\nlong  -\n");
  });
});

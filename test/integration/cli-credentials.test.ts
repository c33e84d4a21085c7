import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, runCliHere } from "../support/cli-run.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../support/scripted-upstream.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

let test: TestDatabase;
let upstream: ScriptedUpstream;
let folder: string;
beforeAll(async () => {
  test = await openTestDatabase();
  upstream = await openScriptedUpstream();
  folder = mkdtempSync(join(tmpdir(), "tollgate-cli-credentials-"));
  writeFileSync(
    join(folder, "tollgate.toml"),
    `[models.m]
routing = ["up"]
[models.m.providers.up]
type = "openai"
api_base = "${upstream.url}/v1"
api_key_location = "vault::team"
`,
  );
});
afterAll(async () => {
  await test.close();
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

const oldSeal = "cli-test-seal-aZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0k";
const newSeal = "cli-test-seal-kQ9jR8iS7hT6gU5fV4eW3dX2cY1bZ0a";

function run(args: string[], more: Record<string, string> = {}): Promise<CliRun> {
  return runCliHere(args, folder, {
    DATABASE_URL: test.url,
    TOLLGATE_PEPPER: "cli-test-pepper-Gq0v1W8yR2sT5uX7zB4dF6hJ9kL3mN",
    TOLLGATE_SEAL_KEY: oldSeal,
    TOLLGATE_SESSION_SECRET: "cli-test-session-lP1mO2nN3oM4pL5qK6rJ7sI8tH9u",
    ...more,
  });
}

it("credentials set, list, test, rotate-key and delete, and no secret in any of it", async () => {
  const secret = "sk-from-the-command-line-0123456789";
  const runs: CliRun[] = [];
  const keep = async (answer: Promise<CliRun>): Promise<CliRun> => {
    runs.push(await answer);
    return runs.at(-1) as CliRun;
  };
  expect(await keep(run(["credentials", "set", "team", "--from-env", "TEAM_KEY"]))).toMatchObject({ code: 2 });
  const set = await keep(run(["credentials", "set", "team", "--from-env", "TEAM_KEY"], { TEAM_KEY: `${secret}\n` }));
  expect(set).toMatchObject({ code: 0, error: "" });
  expect(set.out).toContain("version 1");
  writeFileSync(join(folder, "key.txt"), `${secret}-2\n`);
  const again = await keep(run(["credentials", "set", "team", "--from-file", join(folder, "key.txt"), "--json"]));
  expect(JSON.parse(again.out)).toMatchObject({ version: 2, used_by: { config: ["models.m.providers.up"] } });

  const tried = await keep(run(["credentials", "test", "team", "--json"]));
  expect([tried.code, JSON.parse(tried.out)]).toMatchObject([0, { results: [{ outcome: "accepted", status: 200 }] }]);
  expect(upstream.log[0]?.rawHeaders).toContain(`Bearer ${secret}-2`);
  upstream.script({ status: 401 });
  const refused = await keep(run(["credentials", "test", "team"]));
  expect([refused.code, refused.out]).toEqual([1, expect.stringContaining("rejected")]);

  const seals = { TOLLGATE_SEAL_KEY: `2:${newSeal}`, TOLLGATE_SEAL_KEY_PREVIOUS: `1:${oldSeal}` };
  const rotated = await keep(run(["credentials", "rotate-key", "--json"], seals));
  expect(JSON.parse(rotated.out)).toEqual({ reencrypted: 1, encryption_version: 2 });
  const list = await keep(run(["credentials", "list", "--json"], { TOLLGATE_SEAL_KEY: `2:${newSeal}` }));
  expect(JSON.parse(list.out)).toMatchObject({ credentials: [{ name: "team", version: 2, test_outcome: "rejected" }] });

  expect(await keep(run(["credentials", "delete", "team"]))).toMatchObject({ code: 1 });
  expect(runs.at(-1)?.error).toContain("models.m.providers.up");
  expect((await keep(run(["providers"]))).out).toContain("No gateway reports");
  expect(runs.map(({ out, error }) => out + error).join()).not.toContain("sk-from");
}, 60_000);

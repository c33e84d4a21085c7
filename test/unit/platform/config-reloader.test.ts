import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openClock } from "../../../server/platform/clock.ts";
import { type Config, loadConfig } from "../../../server/platform/config.ts";
import { ConfigError } from "../../../server/platform/config-error.ts";
import { ConfigReloader, configSections } from "../../../server/platform/config-reloader.ts";
import { configFileSchema } from "../../../server/platform/config-schema.ts";
import { openLogger } from "../../../server/platform/logger.ts";

const folder = mkdtempSync(join(tmpdir(), "tollgate-reloader-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const configFile = join(folder, "tollgate.toml");
const env: Record<string, string> = { TOLLGATE_DATA_DIR: folder, KEY: "first" };
const echo = '[models.m]\nrouting = ["p"]\n[models.m.providers.p]\ntype = "echo"\n';

function open(text: string) {
  writeFileSync(configFile, text);
  const lines: string[] = [];
  const load = (): Config => loadConfig({ env, configFile });
  const config = load();
  const applied: Config[] = [];
  const reloader = new ConfigReloader({
    config,
    load,
    onApplied: () => void applied.push(config),
    clock: openClock(),
    logger: openLogger({ level: "info", pretty: false, access: false }, { write: (line) => void lines.push(line) }),
  });
  return { config, reloader, applied, lines };
}

describe("a reload", () => {
  test("tells of every section that the file may have", () => {
    expect([...configSections.keys()].sort()).toEqual(Object.keys(configFileSchema.shape).sort());
  });

  test("changes nothing before it is applied, and then what holds without a restart, at once", () => {
    const { config, reloader, applied } = open("");
    const startedMs = reloader.appliedAtMs;
    expect(config.configFile.sections).toEqual([]);
    writeFileSync(configFile, `${echo}[keys]\nexpiry_days_default = 7\n[limits]\nbudget_exceeded_status = 402\n`);
    const { reload, apply } = reloader.read();
    expect(reload).toMatchObject({ applied: ["models", "limits.budget_exceeded_status"], needsRestart: ["keys"] });
    expect([config.models.size, applied.length]).toEqual([0, 0]);
    apply();
    expect([config.models.size, config.limits.budgetExceededStatus, config.keys.expiryDaysDefault]).toEqual([
      1, 402, 90,
    ]);
    expect([applied.length, config.configHash]).toEqual([1, reload.hash]);
    expect(config.configFile).toEqual({
      path: configFile,
      from: "--config-file",
      sections: ["models", "keys", "limits"],
    });
    expect(reloader.appliedAtMs).toBeGreaterThan(startedMs);
  });

  test("sees a credential that changed and nothing else, and tells it to nobody", () => {
    const provider = 'type = "openai"\napi_key_location = "env::KEY"\n';
    const { reloader, lines } = open(`[models.m]\nrouting = ["p"]\n[models.m.providers.p]\n${provider}`);
    expect(reloader.read().reload.applied).toEqual([]);
    env.KEY = "second-canary";
    expect(reloader.read().reload.applied).toEqual(["models"]);
    reloader.handleSignal();
    expect(lines.join()).not.toContain("canary");
  });

  test("of a file with mistakes changes nothing, and logs all of them", () => {
    const { config, reloader, applied, lines } = open(echo);
    writeFileSync(configFile, '[prices.m]\ninput_usd_per_million = 1\n[log]\nlevel = "loud"\n');
    expect(() => reloader.read()).toThrow(ConfigError);
    reloader.handleSignal();
    expect([config.models.size, applied.length]).toEqual([1, 0]);
    for (const place of ["prices.m", "log.level"]) expect(lines.join()).toContain(place);
  });
});

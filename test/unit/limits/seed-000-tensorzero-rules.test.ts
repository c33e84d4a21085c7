import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiKey } from "../../../server/core/api-key.ts";
import { RuleSet } from "../../../server/limits/rule-set.ts";
import { loadConfig } from "../../../server/platform/config.ts";

/** The two rules as TensorZero's page has them. */
const rules = `
# Each API key can make up to 100 model inferences per hour
[[rate_limiting.rules]]
priority = 0
model_inferences_per_hour = 100
scope = [
    { api_key_public_id = "tensorzero::each" }
]

# But override the limit for a specific API key
[[rate_limiting.rules]]
priority = 1
model_inferences_per_hour = 1000
scope = [
    { api_key_public_id = "xxxxxxxxxxxx" }
]
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-seed-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("each key has 100 model inferences an hour, and the one that is named has 1,000", () => {
  const configFile = join(folder, "tollgate.toml");
  writeFileSync(configFile, rules);
  const { rateLimiting } = loadConfig({ env: { TOLLGATE_DATA_DIR: join(folder, "data") }, configFile, readOnly: true });
  const set = new RuleSet({ rules: rateLimiting.rules, budgets: [], trustRequestTags: false, version: 1 });
  const find = (publicId: string) => {
    const key = { publicId, ownerId: null, tags: {} } as unknown as ApiKey;
    return set.findBuckets({ key, model: "gpt", clientIp: "192.0.2.1", origin: null, requestTags: {} });
  };
  const hour = { name: "model_inferences_per_hour", resource: "model_inferences", windowMs: 3_600_000, refill: null };
  expect(find("k3x9q2m7a1bc")).toEqual([
    {
      id: "model_inferences_per_hour=100|key=k3x9q2m7a1bc",
      limit: { ...hour, limit: 100 },
      scope: { publicId: "k3x9q2m7a1bc" },
    },
  ]);
  expect(find("000000000000")[0]?.id).toBe("model_inferences_per_hour=100|key=000000000000");
  expect(find("xxxxxxxxxxxx")).toEqual([
    {
      id: "model_inferences_per_hour=1000|key=xxxxxxxxxxxx",
      limit: { ...hour, limit: 1000 },
      scope: { publicId: "xxxxxxxxxxxx" },
    },
  ]);
});

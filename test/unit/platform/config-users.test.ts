import { describe, expect, it } from "vitest";
import type { ConfigMistake } from "../../../server/platform/config-error.ts";
import { parseAuth, parsePlans } from "../../../server/platform/config-users.ts";

function readAuth(value: unknown, host = "127.0.0.1", baseUrl: string | null = null) {
  const mistakes: ConfigMistake[] = [];
  return { auth: parseAuth({ value, path: ["auth"] }, { host, google: null, baseUrl }, mistakes), mistakes };
}

function readPlans(value: unknown) {
  const mistakes: ConfigMistake[] = [];
  return { plans: parsePlans({ value, path: ["plans"] }, mistakes), mistakes };
}

describe("[auth]", () => {
  it("lets everybody sign up only where nobody else can come", () => {
    const cases: [host: string, baseUrl: string | undefined, signUp: string][] = [
      ["127.0.0.1", undefined, "open"],
      ["localhost", undefined, "open"],
      ["::1", undefined, "open"],
      ["127.0.0.1", "http://localhost:3000", "open"],
      ["127.0.0.1", "https://gate.example.com", "closed"],
      ["0.0.0.0", undefined, "closed"],
      ["10.0.0.5", undefined, "closed"],
    ];
    for (const [host, baseUrl, signUp] of cases) {
      const { auth } = readAuth(baseUrl === undefined ? undefined : { base_url: baseUrl }, host);
      expect([host, baseUrl, auth?.signUp]).toEqual([host, baseUrl, signUp]);
    }
    expect(readAuth({ sign_up: "invite" }, "0.0.0.0").auth?.signUp).toBe("invite");
  });

  it("takes the environment's address before the file's", () => {
    const file = { base_url: "https://file.example.com" };
    expect(readAuth(file).auth?.baseUrl).toBe("https://file.example.com");
    expect(readAuth(file, "0.0.0.0", "https://env.example.com/").auth?.baseUrl).toBe("https://env.example.com");
    expect(readAuth(file, "0.0.0.0", "env.example.com").mistakes[0]?.path).toBe("TOLLGATE_BASE_URL");
  });

  it("has sessions of 30 minutes and 12 hours", () => {
    expect(readAuth(undefined).auth).toMatchObject({ sessionIdleMs: 1_800_000, sessionAbsoluteMs: 43_200_000 });
  });

  it.each([
    [{ base_url: "gate.example.com" }, "auth.base_url"],
    [{ base_url: "https://gate.example.com/tollgate" }, "auth.base_url"],
    [{ base_url: "ftp://gate.example.com" }, "auth.base_url"],
    [{ base_url: "https://user:pass@gate.example.com" }, "auth.base_url"],
    [{ sign_up: "maybe" }, "auth.sign_up"],
    [{ session_idle_minutes: 90, session_absolute_hours: 1 }, "auth.session_idle_minutes"],
    [{ session_minutes: 5 }, "auth.session_minutes"],
  ])("%j is a mistake at %s", (value, path) => {
    const { auth, mistakes } = readAuth(value);
    expect(auth).toBeNull();
    expect(mistakes.map((mistake) => mistake.path)).toEqual([path]);
  });
});

describe("[plans]", () => {
  it("are free and pro where nothing is said", () => {
    for (const value of [undefined, {}]) {
      expect([...readPlans(value).plans.values()]).toEqual([
        {
          name: "free",
          keysMax: 2,
          budgetNanoUsd: 5_000_000_000n,
          requestsPerMinuteMax: 30,
          models: ["*"],
          mayRotate: true,
        },
        {
          name: "pro",
          keysMax: 10,
          budgetNanoUsd: 100_000_000_000n,
          requestsPerMinuteMax: 300,
          models: ["*"],
          mayRotate: true,
        },
      ]);
    }
  });

  it("are those of the file, in its order, where it names any", () => {
    const { plans, mistakes } = readPlans({ team: { keys: 50, budget_usd: "0.000000001" }, solo: { keys: 0 } });
    expect(mistakes).toEqual([]);
    expect([...plans.keys()]).toEqual(["team", "solo"]);
    expect(plans.get("team")).toMatchObject({ keysMax: 50, budgetNanoUsd: 1n, requestsPerMinuteMax: null });
  });

  it.each([
    [{ free: {} }, "plans.free.keys"],
    [{ free: { keys: -1 } }, "plans.free.keys"],
    [{ free: { keys: 1, budget_usd: -5 } }, "plans.free.budget_usd"],
    [{ free: { keys: 1, rpm: 5 } }, "plans.free.rpm"],
    [{ free: { keys: 1, models: [] } }, "plans.free.models"],
    [{ "Free plan": { keys: 1 } }, 'plans."Free plan"'],
  ])("%j is a mistake at %s", (value, path) => {
    expect(readPlans(value).mistakes.map((mistake) => mistake.path)).toEqual([path]);
  });
});

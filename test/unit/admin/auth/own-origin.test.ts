import { expect, test } from "vitest";
import { listOwnOrigins } from "../../../../server/admin/auth/own-origin.ts";
import type { Config } from "../../../../server/platform/config.ts";

function list(host: string, baseUrl: string | null = null, port = 3000): string[] {
  return listOwnOrigins({ host, auth: { baseUrl } as Config["auth"] }, port);
}

test("the configured address is the only one", () => {
  expect(list("0.0.0.0", "https://gate.example.com")).toEqual(["https://gate.example.com"]);
});

test("without one it is this machine, by each of its names, at the port that listens", () => {
  const local = ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"];
  expect(list("127.0.0.1")).toEqual(local);
  expect(list("0.0.0.0")).toEqual(local);
  expect(list("::1").sort()).toEqual([...local].sort());
  expect(list("localhost", null, 80)).toEqual(["http://localhost", "http://127.0.0.1", "http://[::1]"]);
  expect(list("192.0.2.7")).toEqual(["http://192.0.2.7:3000"]);
  expect(list("2001:db8::1")).toEqual(["http://[2001:db8::1]:3000"]);
});

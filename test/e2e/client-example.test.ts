import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../support/gateway-process.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const compiler = join(root, "node_modules/typescript/bin/tsc");

/** A project of somebody who installed the package: its build, and what `npm install` puts beside it. */
let project: string;
let gateway: GatewayProcess | undefined;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "tollgate-client-"));
  const installed = join(project, "node_modules/tollgate");
  mkdirSync(installed, { recursive: true });
  copyFileSync(join(root, "package.json"), join(installed, "package.json"));
  linkDependencies(join(project, "node_modules"));
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "somebody", type: "module" }));
  const options = { strict: true, module: "nodenext", target: "es2022", types: ["node"], skipLibCheck: true };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: { ...options, outDir: "out" } }));
  const out = join(installed, "dist");
  // As `npm run build` does; what it complains of stands on its standard output.
  const build = ["-p", "tsconfig.build.json", "--outDir", out, "--tsBuildInfoFile", join(out, ".tsbuildinfo")];
  [gateway] = await Promise.all([openGatewayProcess(), buildPackage(build)]);
}, 180_000);
afterAll(async () => {
  await gateway?.close();
  rmSync(project, { recursive: true, force: true });
});

async function buildPackage(options: readonly string[]): Promise<void> {
  try {
    await run(process.execPath, [compiler, ...options], { cwd: root });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout, { cause: error });
  }
}

/** The packages that go with the product, without those of its development; and Node's types, which every project has. */
function linkDependencies(folder: string): void {
  const lock: unknown = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const { packages } = lock as { packages: Record<string, { dev?: boolean; optional?: boolean }> };
  for (const [path, { dev, optional }] of Object.entries(packages)) {
    const name = /^node_modules\/((@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    if (name === undefined || ((dev === true || optional === true) && name !== "@types/node")) continue;
    const link = join(folder, name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link);
  }
}

/** @returns what the compiler complained of. */
async function compile(): Promise<string> {
  try {
    await run(process.execPath, [compiler, "-p", "."], { cwd: project });
    return "";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe("tollgate/client", () => {
  it("its example compiles and runs as a project of its own, with an admin key", async () => {
    copyFileSync(join(root, "docs/examples/admin-client.ts"), join(project, "admin-client.ts"));
    expect(await compile()).toBe("");
    const { stdout } = await run(process.execPath, ["out/admin-client.js"], {
      cwd: project,
      env: { TOLLGATE_URL: gateway?.url, TOLLGATE_ADMIN_KEY: gateway?.adminKey },
    });
    const [made, has, total, refused, ...more] = stdout.trim().split("\n");
    expect(made).toMatch(/^made acme-production: prod_[0-9a-z]{12}_[0-9A-Za-z]{48}$/);
    expect(has).toMatch(/^has [0-9a-z]{12} acme-production active$/);
    expect(total).toBe("total 0 requests, 0 USD");
    expect(refused).toBe("refused: conflict");
    expect(more).toEqual([]);
  });

  it("its types are the server's: a field that does not exist does not compile", async () => {
    const text = readFileSync(join(root, "docs/examples/admin-client.ts"), "utf8");
    writeFileSync(join(project, "admin-client.ts"), text.replace("rate_limits:", "rate_limitz:"));
    expect(await compile()).toContain("rate_limitz");
    writeFileSync(join(project, "admin-client.ts"), text.replace("key.alias", "key.secret"));
    expect(await compile()).toContain("secret");
  });
});

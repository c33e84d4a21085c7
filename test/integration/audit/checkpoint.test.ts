import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openGatewayProcess } from "../../support/gateway-process.ts";
import { waitUntil } from "../../support/wait-until.ts";

interface Head {
  seq: string;
  hash: string;
}

test("a gateway keeps the checkpoint: soon after its start, and what it did until its end", async () => {
  const gateway = await openGatewayProcess();
  const path = join(gateway.dataDir, "audit-checkpoint.json");
  let kept = "";
  try {
    await waitUntil(() => existsSync(path), "the first checkpoint", 20_000);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { publicId } = await gateway.makeKey();
    expect((await gateway.call("DELETE", `/admin/api-keys/${publicId}`, gateway.adminKey)).status).toBe(204);
    const [head] = await gateway.database.database.sql<Head[]>`
      select seq::text, encode(hash, 'hex') as hash from audit_entry order by audit_entry.seq desc limit 1`;
    const metrics = await gateway.call("GET", "/metrics", gateway.adminKey);
    expect(await metrics.text()).toContain("\ntollgate_audit_chain_broken 0\n");
    const verdict = await gateway.call("GET", "/admin/audit/verify", gateway.adminKey);
    expect(await verdict.json()).toMatchObject({ valid: true, head: { hash: head?.hash } });
    process.kill(gateway.pid, "SIGTERM");
    await waitUntil(() => !gateway.isRunning(), "the end of the gateway", 20_000);
    kept = readFileSync(path, "utf8");
    expect(JSON.parse(kept)).toMatchObject({ seq: head?.seq, hash: head?.hash });
    for (const secret of Object.values(gateway.secrets)) expect(kept).not.toContain(secret);
  } finally {
    await gateway.close();
  }
});

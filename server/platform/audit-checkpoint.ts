import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { AuditCheckpoint } from "../core/audit-chain.ts";
import type { Secret } from "../core/secret.ts";

/** In the data folder. */
export const auditCheckpointName = "audit-checkpoint.json";

/** Where a checkpoint is kept and what signs it. */
export interface CheckpointPlace {
  dataDir: string;
  sealKey: Secret;
}

const shape = z.object({
  seq: z.string().regex(/^[1-9]\d{0,18}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  at: z.string(),
  mac: z.string().regex(/^[0-9a-f]{64}$/),
});

/** `forged`: there is a file, and this deployment's seal key did not sign what it says. */
export type LoadedCheckpoint = AuditCheckpoint | "none" | "forged";

/** @throws the system's error where the file is there and cannot be read. */
export function loadAuditCheckpoint(place: CheckpointPlace): LoadedCheckpoint {
  let text: string;
  try {
    text = readFileSync(join(place.dataDir, auditCheckpointName), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "none";
    throw error;
  }
  const { mac, ...checkpoint } = parseFile(text) ?? { mac: null };
  if (mac === null || !("seq" in checkpoint)) return "forged";
  return timingSafeEqual(Buffer.from(mac, "hex"), makeMac(checkpoint, place.sealKey)) ? checkpoint : "forged";
}

function parseFile(text: string): z.infer<typeof shape> | null {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Replaces the file, whole or not at all; readable by its owner alone. */
export function updateAuditCheckpoint(place: CheckpointPlace, checkpoint: AuditCheckpoint): void {
  const { seq, hash, at } = checkpoint;
  const mac = makeMac(checkpoint, place.sealKey).toString("hex");
  mkdirSync(place.dataDir, { recursive: true, mode: 0o700 });
  const draft = join(place.dataDir, `.${auditCheckpointName}.${randomBytes(8).toString("hex")}`);
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      writeSync(file, `${JSON.stringify({ seq, hash, at, mac }, null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, join(place.dataDir, auditCheckpointName));
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The key is derived for this purpose, so that no other use of the seal key says anything about it. */
function makeMac({ seq, hash, at }: AuditCheckpoint, sealKey: Secret): Buffer {
  const key = Buffer.from(hkdfSync("sha256", sealKey.reveal(), "", "tollgate audit checkpoint", 32));
  return createHmac("sha256", key)
    .update(JSON.stringify([seq, hash, at]))
    .digest();
}

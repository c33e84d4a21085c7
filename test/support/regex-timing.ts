import { Worker } from "node:worker_threads";
import { listAttacks, type RegexAttack } from "./regex-attacks.ts";

export interface RegexTiming {
  /** The longest that an attack took, each the best of up to 50 runs (neighbours take time too); Infinity where it did not end. */
  ms: number;
  attack: RegexAttack | null;
  attacks: number;
}

const textLength = 64 * 1_024;

/** Plain JavaScript: a worker starts faster without a loader. Gives up on an expression after its first slow attack. */
const program = `
const { parentPort } = require("node:worker_threads");
parentPort.on("message", ({ source, flags, attacks, length, limitMs }) => {
  const regex = new RegExp(source, flags);
  let worst = { ms: 0, attack: null };
  for (const attack of attacks) {
    const { prefix, pump, suffix } = attack;
    const text = prefix + pump.repeat(Math.ceil(length / pump.length)) + suffix;
    let ms = Infinity;
    for (let run = 0; run < 50 && ms > limitMs / 2; run++) {
      regex.lastIndex = 0;
      const before = performance.now();
      if (regex.global) text.replace(regex, "");
      else regex.test(text);
      ms = Math.min(ms, performance.now() - before);
      if (ms > 500) break;
    }
    if (ms > worst.ms) worst = { ms, attack };
    if (ms > 500) break;
  }
  parentPort.postMessage(worst);
});`;

/** Runs expressions over texts of 64 KB that were made against them, in a worker that is stopped when it takes too long. */
export class RegexTimer {
  #worker = new Worker(program, { eval: true });

  async measure(source: string, flags: string, limitMs: number, patienceMs = 15_000): Promise<RegexTiming> {
    const attacks = listAttacks(source, flags);
    const worker = this.#worker;
    worker.postMessage({ source, flags, attacks, length: textLength, limitMs }, []);
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<{ ms: number; attack: RegexAttack | null } | null>((resolve, reject) => {
      timer = setTimeout(() => resolve(null), patienceMs);
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    clearTimeout(timer);
    worker.removeAllListeners("message").removeAllListeners("error");
    if (answer !== null) return { ...answer, attacks: attacks.length };
    await worker.terminate();
    this.#worker = new Worker(program, { eval: true });
    return { ms: Number.POSITIVE_INFINITY, attack: null, attacks: attacks.length };
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

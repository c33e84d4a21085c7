import { parseArgs } from "node:util";

/** How long and how often to measure. A quick run proves the harness; only a full one is worth a figure. */
export interface Options {
  readonly quick: boolean;
  readonly rounds: number;
  /** Length of one saturating or open-loop run of one subject. */
  readonly runSeconds: number;
  readonly warmUpSeconds: number;
  readonly slowStreams: number;
  /** Fresh processes for the memory bar: it needs a young heap, not seven rounds. */
  readonly memoryRounds: number;
  readonly keysMany: number;
  /** Names of the measures to run; empty for all. */
  readonly only: readonly string[];
}

/** Throws with the allowed values when an argument is wrong. */
export function parseOptions(args: readonly string[], measureNames: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
    },
  });
  const only = values.only === undefined ? [] : values.only.split(",").map((name) => name.trim());
  const unknown = only.filter((name) => !measureNames.includes(name));
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(",")}: allowed are ${measureNames.join(", ")}`);
  const { quick } = values;
  const rounds = positiveInteger("--rounds", values.rounds) ?? (quick ? 2 : 7);
  return {
    quick,
    rounds,
    runSeconds: positiveInteger("--seconds", values.seconds) ?? (quick ? 1 : 5),
    warmUpSeconds: quick ? 1 : 10,
    slowStreams: quick ? 300 : 5_000,
    memoryRounds: Math.min(rounds, quick ? 1 : 3),
    keysMany: quick ? 2_000 : 100_000,
    only,
  };
}

function positiveInteger(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`${name} ${text}: allowed is a whole number from 1 to 9999`);
  return Number(text);
}

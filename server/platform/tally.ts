/** Distinct values that one label takes before the rest is counted as `other`: a scrape stays small whatever is sent. */
const valuesMax = 200;

/** Counts by a few labels. An increment is one map look-up per label (10-20 ns each), no allocation after the first. */
export interface Tally {
  add(first: string, second?: string, third?: string, amount?: number): void;
  /** Every combination that was seen, with its count. */
  list(): { values: readonly [string, string, string]; count: number }[];
}

interface Cell {
  count: number;
}

/** Makes a tally of up to three labels. Unused labels are `""`. */
export function makeTally(): Tally {
  const cells = new Map<string, Map<string, Map<string, Cell>>>();
  const openChild = <T>(level: Map<string, T>, value: string, make: () => T): T => {
    const found = level.get(value);
    if (found !== undefined) return found;
    const name = level.size < valuesMax ? value : "other";
    const child = level.get(name) ?? make();
    level.set(name, child);
    return child;
  };
  return {
    add(first, second = "", third = "", amount = 1) {
      const level = openChild(cells, first, () => new Map<string, Map<string, Cell>>());
      const inner = openChild(level, second, () => new Map<string, Cell>());
      openChild(inner, third, () => ({ count: 0 })).count += amount;
    },
    list() {
      const rows: { values: readonly [string, string, string]; count: number }[] = [];
      for (const [first, level] of cells) {
        for (const [second, inner] of level) {
          for (const [third, cell] of inner) rows.push({ values: [first, second, third], count: cell.count });
        }
      }
      return rows;
    },
  };
}

/** What a histogram holds: counts per bucket (the last one is above every bound), their sum and number. */
export interface HistogramState {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum: number;
  count: number;
}

/** Durations by one label. An observation is one map look-up and a short scan (30-40 ns). */
export interface HistogramSet {
  /** A value in the unit of the bounds; negative and NaN are counted as 0. */
  add(label: string, value: number): void;
  list(): { label: string; state: HistogramState }[];
}

/** @param bounds inclusive upper bounds, rising. */
export function makeHistogramSet(bounds: readonly number[]): HistogramSet {
  const states = new Map<string, HistogramState>();
  const openState = (label: string): HistogramState => {
    const name = states.size < valuesMax ? label : "other";
    const state = states.get(name) ?? { bounds, counts: new Float64Array(bounds.length + 1), sum: 0, count: 0 };
    states.set(name, state);
    return state;
  };
  return {
    add(label, raw) {
      const value = raw > 0 ? raw : 0;
      const state = states.get(label) ?? openState(label);
      let index = 0;
      while (index < bounds.length && value > (bounds[index] as number)) index += 1;
      state.counts[index] = (state.counts[index] as number) + 1;
      state.sum += value;
      state.count += 1;
    },
    list: () => [...states].map(([label, state]) => ({ label, state })),
  };
}

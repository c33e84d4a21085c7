import type { Measure } from "./measure.ts";
export const keyGrowth: Measure = {
  name: "key-growth",
  title: "",
  run: async () => ({ bars: {}, info: [], notes: [], setups: {}, raw: null }),
};

import { formatMoney } from "../../format/usd.ts";
import type { Column } from "../../ui/data-table.tsx";
import type { PriceView, RateName } from "./price-rates.ts";

function makeRateColumn<One>(
  name: RateName,
  header: string,
  find: (row: One) => PriceView,
  priority: "high" | "low" = "high",
): Column<One> {
  return {
    id: name,
    header,
    align: "end",
    priority,
    render: (row) => {
      const rate = find(row)?.[name];
      return rate === undefined ? "–" : formatMoney(rate);
    },
  };
}

/** What a million tokens cost, for tables of prices. */
export function makeRateColumns<One>(find: (row: One) => PriceView): Column<One>[] {
  return [
    makeRateColumn("input_usd_per_million", "Input", find),
    makeRateColumn("output_usd_per_million", "Output", find),
    makeRateColumn("cached_input_usd_per_million", "Cached", find, "low"),
  ];
}

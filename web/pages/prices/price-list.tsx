import { getRouteApi } from "@tanstack/react-router";
import { formatCount } from "../../format/count.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Menu } from "../../ui/menu.tsx";
import { EmptyState } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { Segments } from "../../ui/segments.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { TypedInput } from "../../ui/typed-input.tsx";
import { hasWords } from "./has-words.ts";
import type { ModelPrice, PriceView } from "./price-rates.ts";
import { type PriceFilter, type PriceSearch, priceViews } from "./price-search.ts";
import styles from "./prices.module.css";
import { makeRateColumns } from "./rate-columns.ts";

const route = getRouteApi("/shell/manage/prices");
const viewNames: Record<PriceFilter, string> = { all: "All", unpriced: "Unpriced", stored: "Set here" };

/** What one model costs at one provider. */
interface Row {
  id: string;
  model: ModelPrice;
  provider: string;
  price: PriceView;
  source: "stored" | "config" | "catalogue" | null;
}

/** A price of a model that no provider has any more is a row too. */
function makeRows(model: ModelPrice): Row[] {
  if (model.providers.length === 0) {
    const price = model.stored ?? model.config;
    const source = model.stored !== null ? "stored" : model.config !== null ? "config" : null;
    return [{ id: model.model, model, provider: "no provider", price, source }];
  }
  return model.providers.map(({ provider, effective, source }) => ({
    id: `${model.model} ${provider}`,
    model,
    provider,
    price: effective,
    source,
  }));
}

const sourceNames = { stored: "set here", config: "config file", catalogue: "catalogue" } as const;

/** Models that are configured, were called lately or have a price of their own, with what they cost. */
export function PriceList({
  prices,
  onSet,
  onEnd,
}: {
  prices: readonly ModelPrice[] | undefined;
  onSet: (model: string, price: PriceView) => void;
  onEnd: (model: ModelPrice) => void;
}) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { q = "", show = "all" } = search;
  const ask = (change: PriceSearch): void => {
    const { q: words, show: view, ...rest } = { ...search, ...change };
    void navigate({
      search: {
        ...rest,
        ...(words === undefined || words === "" ? {} : { q: words }),
        ...(view === undefined || view === "all" ? {} : { show: view }),
      },
      replace: true,
    });
  };
  const rows = prices
    ?.filter(
      (model) =>
        hasWords(`${model.model} ${model.providers.map(({ provider }) => provider).join(" ")}`, q) &&
        (show !== "unpriced" || model.unpriced) &&
        (show !== "stored" || model.stored !== null),
    )
    .flatMap(makeRows);
  const columns: Column<Row>[] = [
    {
      id: "model",
      header: "Model",
      render: ({ model, provider }) => <TitleCell title={model.model} note={provider} />,
    },
    ...makeRateColumns<Row>(({ price }) => price),
    {
      id: "source",
      header: "From",
      render: ({ source }) =>
        source === null ? (
          <Badge tone="bad" hasDot>
            unpriced
          </Badge>
        ) : (
          <Badge tone={source === "stored" ? "accent" : "neutral"}>{sourceNames[source]}</Badge>
        ),
    },
    {
      id: "calls",
      header: "Calls, 7 d",
      align: "end",
      priority: "medium",
      render: ({ model: { recent } }) => (recent === null ? "–" : formatCount(recent.requests)),
    },
    {
      id: "more",
      header: "",
      align: "end",
      isPinned: true,
      render: ({ model, price }) => (
        <Menu
          trigger={
            <Button variant="ghost" size="small" isIcon aria-label={`Actions of ${model.model}`}>
              <Icon name="more" />
            </Button>
          }
          entries={() => [
            { label: "Set the price", icon: "gear", onSelect: () => onSet(model.model, price) },
            ...(model.stored === null
              ? []
              : [{ label: "End the price", icon: "trash" as const, isDangerous: true, onSelect: () => onEnd(model) }]),
          ]}
        />
      ),
    },
  ];
  return (
    <Panel
      title="Models"
      actions={
        <div className={styles["bar"]}>
          <TypedInput
            label="Search models"
            placeholder="Model or provider"
            value={q}
            onSettled={(text) => ask({ q: text })}
            isSearch
          />
          <Segments
            label="Which"
            value={show}
            onChange={(next) => ask({ show: next })}
            options={priceViews.map((view) => [view, viewNames[view]] as const)}
          />
        </div>
      }
    >
      <DataTable
        label="Prices of models, USD per million tokens"
        columns={columns}
        rows={rows}
        getId={({ id }) => id}
        empty={
          <EmptyState icon="tag" title="No model matches">
            Models of the config file stand here, those that were called in the last 7 days, and those with a price of
            their own.
          </EmptyState>
        }
      />
    </Panel>
  );
}

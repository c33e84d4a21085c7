import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { api, type Outputs } from "../../app/api.ts";
import { formatCount } from "../../format/count.ts";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { TypedInput } from "../../ui/typed-input.tsx";
import type { PriceView } from "./price-rates.ts";
import styles from "./prices.module.css";
import { makeRateColumns } from "./rate-columns.ts";

type CatalogueModel = Outputs["prices"]["searchCatalogue"]["models"][number];

const route = getRouteApi("/shell/manage/prices");
const shownMax = 10;

/** A search in the catalogue that comes with the gateway. */
export function CatalogueList({ onSet }: { onSet: (model: string, price: PriceView) => void }) {
  const { catalogue = "", ...others } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useQuery(
    api.prices.searchCatalogue.queryOptions(
      { limit: shownMax, ...(catalogue === "" ? {} : { q: catalogue }) },
      { placeholderData: keepPreviousData },
    ),
  );
  const columns: Column<CatalogueModel>[] = [
    { id: "model", header: "Model", render: ({ model }) => <TitleCell title={model} /> },
    ...makeRateColumns<CatalogueModel>(({ price }) => price),
    {
      id: "set",
      header: "",
      align: "end",
      isPinned: true,
      render: ({ model, price }) => (
        <Button size="small" aria-label={`Set another price of ${model}`} onClick={() => onSet(model, price)}>
          Set another
        </Button>
      ),
    },
  ];
  const { models, total = 0 } = list.data ?? {};
  return (
    <Panel
      title="Catalogue"
      actions={
        <div className={styles["bar"]}>
          <TypedInput
            label="Search the catalogue"
            placeholder="openai gpt-5"
            value={catalogue}
            onSettled={(text) =>
              void navigate({ search: text === "" ? others : { ...others, catalogue: text }, replace: true })
            }
          />
        </div>
      }
    >
      {list.isError ? (
        <FailureNotice error={list.error} title="The catalogue could not be read" onRetry={() => void list.refetch()} />
      ) : (
        <DataTable
          label="Catalogue, USD per million tokens"
          columns={columns}
          rows={models}
          getId={({ model }) => model}
          isStale={list.isPlaceholderData}
          skeletonRows={shownMax}
          empty={
            <EmptyState icon="search" title="The catalogue has no such model">
              Search for words of its name, like anthropic sonnet.
            </EmptyState>
          }
        />
      )}
      {models !== undefined && total > models.length && (
        <p className={styles["note"]}>
          {formatCount(models.length)} of {formatCount(total)} models. Search for more words of the name.
        </p>
      )}
    </Panel>
  );
}

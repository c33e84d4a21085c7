import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { Button } from "../../ui/button.tsx";
import { Icon } from "../../ui/icon.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { PageHeader, Stack } from "../../ui/page.tsx";
import { CatalogueList } from "./catalogue-list.tsx";
import { EndPriceDialog } from "./end-price-dialog.tsx";
import { PeriodList } from "./period-list.tsx";
import { PriceDialog } from "./price-dialog.tsx";
import { PriceList } from "./price-list.tsx";
import type { ModelPrice, PriceView } from "./price-rates.ts";
import { RerateDialog } from "./rerate-dialog.tsx";
import { RerateList } from "./rerate-list.tsx";
import { UnpricedNotice } from "./unpriced-notice.tsx";

type Open =
  | { kind: "set"; model: string | null; price: PriceView }
  | { kind: "end"; price: ModelPrice }
  | { kind: "rerate"; models: readonly string[] }
  | null;

export function PricesPage() {
  return (
    <AdminsOnly>
      <Prices />
    </AdminsOnly>
  );
}

function Prices() {
  const [open, setOpen] = useState<Open>(null);
  const list = useQuery(api.prices.list.queryOptions({}));
  const close = (): void => setOpen(null);
  const set = (model: string | null, price: PriceView): void => setOpen({ kind: "set", model, price });
  const stored = open?.kind === "end" ? open.price.stored : null;
  return (
    <>
      <PageHeader
        title="Prices"
        tabTitle="Prices"
        description="USD per million tokens. A price that is set here wins over the config file, and that over the catalogue."
        actions={
          <Button variant="primary" onClick={() => set(null, null)}>
            <Icon name="plus" size={14} /> Set a price
          </Button>
        }
      />
      <Stack>
        {list.data !== undefined && (
          <UnpricedNotice
            prices={list.data.prices}
            onSet={set}
            onRerate={(models) => setOpen({ kind: "rerate", models })}
          />
        )}
        {list.isError ? (
          <FailureNotice
            error={list.error}
            title="The prices could not be loaded"
            onRetry={() => void list.refetch()}
          />
        ) : (
          <PriceList prices={list.data?.prices} onSet={set} onEnd={(price) => setOpen({ kind: "end", price })} />
        )}
        <CatalogueList onSet={set} />
        <PeriodList />
        <RerateList onAsk={() => setOpen({ kind: "rerate", models: [] })} />
      </Stack>
      {open?.kind === "set" && <PriceDialog model={open.model} price={open.price} onClose={close} />}
      {open?.kind === "end" && stored !== null && (
        <EndPriceDialog price={{ id: stored.id, model: stored.model, others: open.price }} onClose={close} />
      )}
      {open?.kind === "rerate" && <RerateDialog models={open.models} onClose={close} />}
    </>
  );
}

import { useMutation } from "@tanstack/react-query";
import { api, parseFailure } from "../../app/api.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import type { ModelPrice } from "./price-rates.ts";
import { refreshPrices } from "./refresh-prices.ts";

/** Ends a price that was set here, once somebody has read what holds then. */
export function EndPriceDialog({
  price,
  onClose,
}: {
  price: { id: string; model: string; others: Pick<ModelPrice, "config" | "providers"> | undefined };
  onClose: () => void;
}) {
  const end = useMutation(
    api.prices.delete.mutationOptions({
      onSuccess: async () => {
        showToast(`The price of ${price.model} has ended.`);
        onClose();
        await refreshPrices();
      },
    }),
  );
  const { others } = price;
  const after =
    others?.config != null
      ? "what the config file says"
      : others?.providers.some(({ catalogue }) => catalogue !== null) === true
        ? "what the catalogue says"
        : null;
  return (
    <FormDialog
      title={`End the price of ${price.model}`}
      submit="End price"
      isDanger
      isBusy={end.isPending}
      problem="The price holds on"
      failure={end.isError ? parseFailure(end.error).message : undefined}
      onSubmit={() => end.mutate({ price_id: price.id })}
      onClose={onClose}
    >
      <p>
        {after === null
          ? "Nothing else says a price: from the next second on its calls are unpriced, and keys with a budget are refused."
          : `From the next second on it costs ${after}.`}{" "}
        Nothing that was charged changes.
      </p>
    </FormDialog>
  );
}

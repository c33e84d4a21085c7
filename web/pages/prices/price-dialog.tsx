import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Field, TextInput } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import { makePriceInput, makeRateDraft, type PriceView, rateFields, rateNames } from "./price-rates.ts";
import styles from "./prices.module.css";
import { refreshPrices } from "./refresh-prices.ts";

/** Sets what a model costs from now on. `model` `null`: it is named in the form. */
export function PriceDialog({
  model,
  price,
  onClose,
}: {
  model: string | null;
  price: PriceView;
  onClose: () => void;
}) {
  const [name, setName] = useState(model ?? "");
  const [draft, setDraft] = useState(() => makeRateDraft(price));
  const put = useMutation(
    api.prices.put.mutationOptions({
      onSuccess: async (stored) => {
        showToast(`${stored.model} has its price. Calls from the next second on cost it.`);
        onClose();
        await refreshPrices();
      },
    }),
  );
  const { find, rest } = makeFormIssues(put.error, ["model", ...rateFields]);
  return (
    <FormDialog
      title={model === null ? "Set a price" : `Set the price of ${model}`}
      description="USD per million tokens. It wins over the config file and the catalogue. What was charged before stays, until it is re-rated."
      submit="Set price"
      isBusy={put.isPending}
      problem="No price was set"
      failure={rest}
      onSubmit={() => put.mutate(makePriceInput(name, draft))}
      onClose={onClose}
    >
      {model === null && (
        <Field label="Model" error={find("model")} hint="As it is called here, like openai::gpt-5-mini.">
          {(control) => (
            <TextInput {...control} isMono value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
      )}
      <div className={styles["rates"]}>
        {rateFields.map((rate, index) => (
          <Field
            key={rate}
            label={rateNames[rate]}
            error={find(rate) ?? (index === 0 && model !== null ? find("model") : undefined)}
          >
            {(control) => (
              <TextInput
                {...control}
                inputMode="decimal"
                placeholder={index < 2 ? "" : "as plain"}
                value={draft[rate]}
                onChange={(event) => setDraft({ ...draft, [rate]: event.target.value })}
              />
            )}
          </Field>
        ))}
      </div>
    </FormDialog>
  );
}

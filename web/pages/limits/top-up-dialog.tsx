import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Outputs } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Field, TextInput } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import { refreshLimits } from "./refresh-limits.ts";

export type WindowView = Outputs["limits"]["listWindows"]["windows"][number];

/** Adds money to one budget for its present period. */
export function TopUpDialog({ budget, onClose }: { budget: WindowView; onClose: () => void }) {
  const [amount, setAmount] = useState("");
  const topUp = useMutation(
    api.limits.topUp.mutationOptions({
      onSuccess: async () => {
        showToast("The budget is topped up.");
        onClose();
        await refreshLimits();
      },
    }),
  );
  const { find, rest } = makeFormIssues(topUp.error, ["amount_usd"]);
  return (
    <FormDialog
      title="Top up"
      description={`${budget.level} ${budget.subject}, this period alone.`}
      submit="Add"
      isBusy={topUp.isPending}
      problem="Nothing was added"
      failure={rest}
      onSubmit={() => topUp.mutate({ window_id: budget.window_id, amount_usd: amount })}
      onClose={onClose}
    >
      <Field label="Amount in USD" error={find("amount_usd")} hint="Like 5 or 0.50.">
        {(control) => (
          <TextInput
            {...control}
            inputMode="decimal"
            value={amount}
            onChange={(event) => setAmount(event.target.value)}
          />
        )}
      </Field>
    </FormDialog>
  );
}

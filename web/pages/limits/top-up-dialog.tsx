import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Outputs, queryClient } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { Notice } from "../../ui/notice.tsx";
import { showToast } from "../../ui/toast.tsx";
import styles from "./limits.module.css";

export type WindowView = Outputs["limits"]["listWindows"]["windows"][number];

/** Adds money to one budget for its present period. */
export function TopUpDialog({ budget, onClose }: { budget: WindowView; onClose: () => void }) {
  const [amount, setAmount] = useState("");
  const topUp = useMutation(
    api.limits.topUp.mutationOptions({
      onSuccess: async () => {
        showToast("The budget is topped up.");
        onClose();
        await queryClient.invalidateQueries({ queryKey: api.limits.pathKey() });
      },
    }),
  );
  const issues = makeFormIssues(topUp.error, ["amount_usd"]);
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Top up"
      description={`${budget.level} ${budget.subject}, this period alone.`}
      onSubmit={() => topUp.mutate({ window_id: budget.window_id, amount_usd: amount })}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" isBusy={topUp.isPending}>
            Add
          </Button>
        </>
      }
    >
      <div className={styles["form"]}>
        {issues.rest !== undefined && (
          <Notice tone="bad" title="Nothing was added">
            <p>{issues.rest}</p>
          </Notice>
        )}
        <Field label="Amount in USD" error={issues.find("amount_usd")} hint="Like 5 or 0.50.">
          {(control) => (
            <TextInput
              {...control}
              inputMode="decimal"
              value={amount}
              onChange={(event) => setAmount(event.target.value)}
            />
          )}
        </Field>
      </div>
    </Dialog>
  );
}

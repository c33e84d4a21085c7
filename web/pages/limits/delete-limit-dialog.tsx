import { useMutation } from "@tanstack/react-query";
import { client, parseFailure } from "../../app/api.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import { type BudgetView, describeEntry, type RuleView } from "./limit-words.ts";
import { refreshLimits } from "./refresh-limits.ts";

/** Deletes a rate rule or a budget, once somebody has read what it limits. */
export function DeleteLimitDialog({ entry, onClose }: { entry: RuleView | BudgetView; onClose: () => void }) {
  const noun = "limits" in entry ? "rule" : "budget";
  const remove = useMutation({
    mutationFn: () =>
      "limits" in entry
        ? client.rules.delete.mutate({ rule_id: entry.id })
        : client.budgets.delete.mutate({ budget_id: entry.id }),
    async onSuccess() {
      showToast(`The ${noun} is deleted.`);
      onClose();
      await refreshLimits();
    },
  });
  return (
    <FormDialog
      title={`Delete the ${noun}`}
      description={describeEntry(entry)}
      submit={`Delete ${noun}`}
      isDanger
      isBusy={remove.isPending}
      problem={`The ${noun} was not deleted`}
      failure={remove.isError ? parseFailure(remove.error).message : undefined}
      onSubmit={() => remove.mutate()}
      onClose={onClose}
    >
      <p>Within a second it counts for no call any more. The limits of the keys themselves stay.</p>
    </FormDialog>
  );
}

import { useMutation } from "@tanstack/react-query";
import { api, parseFailure } from "../../app/api.ts";
import { formatInstant } from "../../format/time.ts";
import { formatMoney, toPlotValue } from "../../format/usd.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import { refreshLimits } from "./refresh-limits.ts";
import type { WindowView } from "./top-up-dialog.tsx";

/** Lets a budget be spent anew, once somebody has read what that is. */
export function ResetDialog({ budget, onClose }: { budget: WindowView; onClose: () => void }) {
  const reset = useMutation(
    api.limits.reset.mutationOptions({
      onSuccess: async () => {
        showToast("The budget begins anew.");
        onClose();
        await refreshLimits();
      },
    }),
  );
  const { spent_usd: spent, extra_usd: extra, limit_usd: limit, resets_at: end } = budget;
  // As much as was spent is added in all; where more was, a reset takes none of it away.
  const isDone = toPlotValue(extra) >= toPlotValue(spent);
  return (
    <FormDialog
      title="Reset the budget"
      description={`${budget.level} ${budget.subject}, this period alone.`}
      submit="Reset budget"
      isDanger
      isDisabled={isDone}
      isBusy={reset.isPending}
      problem="The budget was not reset"
      failure={reset.isError ? parseFailure(reset.error).message : undefined}
      onSubmit={() => reset.mutate({ window_id: budget.window_id })}
      onClose={onClose}
    >
      {isDone ? (
        <p>
          As much as was spent, {formatMoney(spent)}, has been added to this period already. There is nothing to reset.
        </p>
      ) : (
        <p>
          {formatMoney(limit)} can be spent anew{end === null ? "" : ` until ${formatInstant(end)}`}, beside the{" "}
          {formatMoney(spent)} that are spent. What was spent stays in the books: as much is added to this period, in
          place of what was added before. It cannot be taken back.
        </p>
      )}
    </FormDialog>
  );
}

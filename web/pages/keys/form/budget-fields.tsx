import { formatMoney } from "../../../format/usd.ts";
import { Button } from "../../../ui/button.tsx";
import { Field, Select, TextInput } from "../../../ui/field.tsx";
import { Icon } from "../../../ui/icon.tsx";
import { type BudgetDraft, makeBudgetDraft } from "./key-draft.ts";
import styles from "./key-form.module.css";

const periods: readonly (readonly [string, string])[] = [
  ["30d", "every 30 days from its creation"],
  ["day", "each day (UTC)"],
  ["week", "each week (UTC)"],
  ["month", "each calendar month (UTC)"],
  ["total", "in all, never reset"],
];

/** Budgets in USD; all of them hold. */
export function BudgetFields({
  budgets,
  onChange,
  find,
  ceilingUsd,
}: {
  budgets: readonly BudgetDraft[];
  onChange: (budgets: readonly BudgetDraft[]) => void;
  /** The message at a path on the wire. */
  find: (path: string) => string | undefined;
  /** Of the plan, in 30 days. */
  ceilingUsd: string | null;
}) {
  const set = (id: number, change: Partial<BudgetDraft>): void =>
    onChange(budgets.map((budget) => (budget.id === id ? { ...budget, ...change } : budget)));
  const own = periods.map(([value]) => value);
  // Rows without an amount are not sent, so they have no place in the answer.
  const sent = budgets.filter(({ limit }) => limit.trim() !== "");
  const general = budgets.length === 0 || sent.length === 0 ? find("budgets") : undefined;
  return (
    <fieldset className={styles["group"]}>
      <legend>
        Budget{" "}
        <small>
          calls beyond it are refused with 429
          {ceilingUsd === null ? "" : ` · your plan: at most ${formatMoney(ceilingUsd)} in 30 days`}
        </small>
      </legend>
      {general !== undefined && (
        <p className={styles["error"]} role="alert">
          {general}
        </p>
      )}
      {budgets.map((budget, index) => {
        const at = sent.indexOf(budget);
        return (
          <div key={budget.id} className={styles["budget"]}>
            <Field label="USD" error={at === -1 ? undefined : find(`budgets[${at}]`)}>
              {(control) => (
                <TextInput
                  {...control}
                  inputMode="decimal"
                  placeholder={ceilingUsd === null ? "no budget" : ceilingUsd}
                  value={budget.limit}
                  onChange={(event) => set(budget.id, { limit: event.target.value })}
                />
              )}
            </Field>
            <Field label="Period">
              {(control) => (
                <Select
                  {...control}
                  value={budget.period}
                  onChange={(event) => set(budget.id, { period: event.target.value })}
                  options={own.includes(budget.period) ? periods : [[budget.period, budget.period], ...periods]}
                />
              )}
            </Field>
            <Button
              variant="ghost"
              isIcon
              aria-label={`Remove budget ${index + 1}`}
              onClick={() => onChange(budgets.filter(({ id }) => id !== budget.id))}
            >
              <Icon name="close" size={14} />
            </Button>
          </div>
        );
      })}
      <div>
        <Button
          size="small"
          variant="ghost"
          disabled={budgets.length >= 16}
          onClick={() => onChange([...budgets, makeBudgetDraft("", budgets.length === 0 ? "30d" : "day")])}
        >
          <Icon name="plus" size={12} /> Add a budget
        </Button>
      </div>
    </fieldset>
  );
}

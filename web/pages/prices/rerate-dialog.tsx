import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, client, type Inputs, type Outputs, queryClient } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { formatCount } from "../../format/count.ts";
import { formatMoney } from "../../format/usd.ts";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Checkbox, Field, Select, TextArea } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { Notice } from "../../ui/notice.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { showToast } from "../../ui/toast.tsx";
import { findRangeStart, type UsageRange, usageRanges } from "../key/usage-range.ts";

type Report = NonNullable<Outputs["usage"]["rerate"]["report"]>;
type ReportRow = Report["rows"][number];

const columns: Column<ReportRow>[] = [
  { id: "model", header: "Model", render: (row) => <TitleCell title={row.model} note={`key ${row.public_id}`} /> },
  { id: "events", header: "Calls", align: "end", render: ({ events }) => formatCount(events) },
  { id: "old", header: "Cost", align: "end", priority: "medium", render: (row) => formatMoney(row.old_cost_usd) },
  { id: "new", header: "Would cost", align: "end", render: (row) => formatMoney(row.new_cost_usd) },
  { id: "delta", header: "More by", align: "end", render: ({ delta_usd: delta }) => formatMoney(delta) },
];

/** Brings the cost of past calls to the prices of now: first it tells what would change, then it does. */
export function RerateDialog({ models, onClose }: { models: readonly string[]; onClose: () => void }) {
  const [range, setRange] = useState<UsageRange>("7d");
  const [names, setNames] = useState(models.join("\n"));
  const [withBudgets, setWithBudgets] = useState(false);
  /** What the report is of; another question has none yet. */
  const [reported, setReported] = useState<{ question: string; report: Report } | null>(null);
  const listed = names.split(/[\n,]/).flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
  const input: Inputs["usage"]["rerate"] = {
    from: findRangeStart(range),
    budgets: withBudgets,
    ...(listed.length === 0 ? {} : { models: listed }),
  };
  const question = JSON.stringify([range, listed, withBudgets]);
  const report = reported?.question === question ? reported.report : null;
  const rerate = useMutation({
    mutationFn: (isDry: boolean) => client.usage.rerate.mutate({ ...input, dry_run: isDry }),
    async onSuccess({ report: found }) {
      if (found !== null) return setReported({ question, report: found });
      showToast("A worker does it now; how far it is stands in the list.");
      onClose();
      await queryClient.invalidateQueries({ queryKey: api.usage.listRerates.pathKey() });
      return undefined;
    },
  });
  const { find, rest } = makeFormIssues(rerate.error, ["from", "models"]);
  return (
    <FormDialog
      isWide
      title="Re-rate calls"
      description="Adjustments beside the calls, which never change. A second run of the same prices adds nothing."
      submit={report === null ? "Show what would change" : `Re-rate ${formatCount(report.events)} calls`}
      isDisabled={report?.events === 0}
      isBusy={rerate.isPending}
      problem="Nothing was re-rated"
      failure={rest}
      onSubmit={() => rerate.mutate(report === null)}
      onClose={onClose}
    >
      <Field label="Calls of the last" error={find("from")}>
        {(control) => (
          <Select
            {...control}
            value={range}
            onChange={({ target }) => setRange(target.value as UsageRange)}
            options={Object.entries(usageRanges).map(([name, { label }]) => [name, label] as const)}
          />
        )}
      </Field>
      <Field label="Models" note="optional" hint="One in each line; none: all." error={find("models")}>
        {(control) => (
          <TextArea {...control} isMono rows={2} value={names} onChange={(event) => setNames(event.target.value)} />
        )}
      </Field>
      <Checkbox
        label="Charge the difference to the budgets of the calls too, where their period goes on"
        checked={withBudgets}
        onChange={(event) => setWithBudgets(event.target.checked)}
      />
      {report !== null && <ReportView report={report} />}
    </FormDialog>
  );
}

function ReportView({ report }: { report: Report }) {
  const { rows, events, delta_usd: delta, unpriced_events: unpriced, reserved_events: reserved } = report;
  return (
    <>
      <Notice
        tone="neutral"
        title={
          events === 0 ? "Nothing would change" : `${formatCount(events)} calls would cost ${formatMoney(delta)} more`
        }
      >
        {events === 0 && <p>Calls of the last minute count once workers have added them to the hours.</p>}
        {unpriced > 0 && <p>{formatCount(unpriced)} calls have no price now either, and stay unpriced.</p>}
        {reserved > 0 && <p>Of {formatCount(reserved)} calls nobody knows the tokens; they stay as they are.</p>}
      </Notice>
      {rows.length > 0 && (
        <DataTable
          label="What would change"
          columns={columns}
          rows={rows}
          getId={(row) => `${row.model} ${row.public_id}`}
        />
      )}
    </>
  );
}

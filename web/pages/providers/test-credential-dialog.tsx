import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Outputs } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { formatMs } from "../../format/count.ts";
import { Badge } from "../../ui/badge.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import type { CredentialView } from "./credential-dialog.tsx";
import { outcomeTones } from "./outcome-tones.ts";
import { refreshCredentials } from "./refresh-credentials.ts";

type TestResult = Outputs["credentials"]["test"]["results"][number];

const columns: Column<TestResult>[] = [
  {
    id: "model",
    header: "Model",
    render: ({ model, provider }) => (
      <>
        <strong>{model}</strong> {provider}
      </>
    ),
  },
  {
    id: "outcome",
    header: "Outcome",
    render: ({ outcome, message }) => (
      <Badge tone={outcomeTones[outcome]} hasDot title={message}>
        {outcome}
      </Badge>
    ),
  },
  { id: "status", header: "Status", align: "end", render: ({ status }) => status ?? "–" },
  { id: "latency", header: "Took", align: "end", render: (one) => formatMs(one.latency_ms) },
];

/** Tries a stored credential at the providers that use it. */
export function TestCredentialDialog({ credential, onClose }: { credential: CredentialView; onClose: () => void }) {
  const [model, setModel] = useState("");
  const test = useMutation(api.credentials.test.mutationOptions({ onSuccess: refreshCredentials }));
  const issues = makeFormIssues(test.error, ["model"]);
  return (
    <FormDialog
      isWide
      title={`Test ${credential.name}`}
      description="Sends a real call of one output token to at most ten providers that use it."
      submit="Test"
      isBusy={test.isPending}
      problem="The credential was not tested"
      failure={issues.rest}
      onSubmit={() =>
        test.mutate({ credential_name: credential.name, ...(model.trim() === "" ? {} : { model: model.trim() }) })
      }
      onClose={onClose}
    >
      <Field
        label="Only this model"
        note="optional"
        error={issues.find("model")}
        hint="For what a type is called with by default: a shorthand such as openai::gpt-5-mini."
      >
        {(control) => (
          <TextInput {...control} isMono value={model} onChange={(event) => setModel(event.target.value)} />
        )}
      </Field>
      {test.data !== undefined && (
        <DataTable
          label="Results"
          columns={columns}
          rows={test.data.results}
          getId={({ model: name, provider }) => JSON.stringify([name, provider])}
        />
      )}
    </FormDialog>
  );
}

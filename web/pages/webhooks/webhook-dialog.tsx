import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client, type Inputs, type Outputs } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Field, Select, TextArea, TextInput } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { refreshWebhooks } from "./refresh-webhooks.ts";

export type WebhookView = Outputs["webhooks"]["list"]["webhooks"][number];
export type CreatedWebhook = Outputs["webhooks"]["create"];
type Kind = WebhookView["kind"];

const kinds: readonly (readonly [Kind, string])[] = [
  ["standard", "Signed JSON (Standard Webhooks)"],
  ["slack", "Slack"],
  ["email", "E-mail"],
];

function parseKind(text: string): Kind {
  return kinds.find(([kind]) => kind === text)?.[0] ?? "standard";
}

function listAddresses(text: string): string[] {
  return text.split(/[\s,;]+/).filter((part) => part !== "");
}

/** Makes a webhook, or changes one: then what is left empty of its place stays. */
export function WebhookDialog({
  webhook,
  onCreated,
  onClose,
}: {
  webhook: WebhookView | null;
  onCreated: (created: CreatedWebhook) => void;
  onClose: () => void;
}) {
  const [kind, setKind] = useState<Kind>(webhook?.kind ?? "standard");
  const [name, setName] = useState(webhook?.name ?? "");
  const [place, setPlace] = useState("");
  const save = useMutation({
    async mutationFn() {
      const target: Pick<Inputs["webhooks"]["create"], "url" | "to"> =
        kind === "email" ? { to: listAddresses(place) } : { url: place.trim() };
      // Not through a cache: the answer holds the secret.
      if (webhook === null) return await client.webhooks.create.mutate({ kind, name, ...target });
      await client.webhooks.update.mutate({ webhook_id: webhook.id, name, ...(place.trim() === "" ? {} : target) });
      return null;
    },
    async onSuccess(created) {
      await refreshWebhooks();
      if (created === null) onClose();
      else onCreated(created);
    },
  });
  const issues = makeFormIssues(save.error, ["kind", "name", "url", "to"]);
  const keeps = webhook === null ? "" : ` Now ${webhook.target}; leave it empty to keep that.`;
  return (
    <FormDialog
      title={webhook === null ? "Add a webhook" : `Edit ${webhook.name}`}
      description="A place where messages of alert rules go."
      submit={webhook === null ? "Add webhook" : "Save"}
      isBusy={save.isPending}
      problem={webhook === null ? "No webhook was added" : "Nothing was changed"}
      failure={issues.rest}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      <Field label="Name" error={issues.find("name")}>
        {(control) => <TextInput {...control} value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      {webhook === null && (
        <Field label="Kind" error={issues.find("kind")}>
          {(control) => (
            <Select
              {...control}
              value={kind}
              onChange={(event) => setKind(parseKind(event.target.value))}
              options={kinds}
            />
          )}
        </Field>
      )}
      {kind === "email" ? (
        <Field label="To" error={issues.find("to")} hint={`Up to 20 addresses, one a line.${keeps}`}>
          {(control) => <TextArea {...control} value={place} onChange={(event) => setPlace(event.target.value)} />}
        </Field>
      ) : (
        <Field label="URL" error={issues.find("url")} hint={`https, of a host that is public.${keeps}`}>
          {(control) => (
            <TextInput
              {...control}
              isMono
              type="url"
              value={place}
              onChange={(event) => setPlace(event.target.value)}
            />
          )}
        </Field>
      )}
    </FormDialog>
  );
}

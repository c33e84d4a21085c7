import { useQuery } from "@tanstack/react-query";
import { api, type Outputs } from "../../app/api.ts";
import { Badge } from "../../ui/badge.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";

type ConfiguredProvider = Outputs["config"]["get"]["provider_types"][number] & {
  /** `null`: the shorthands of the type. */
  model: string | null;
};

const columns: Column<ConfiguredProvider>[] = [
  {
    id: "model",
    header: "Model",
    render: ({ model, name, type }) => (
      <TitleCell title={model ?? `${type}::…`} note={name === type ? type : `${name}, ${type}`} />
    ),
  },
  {
    id: "state",
    header: "Credential",
    render: ({ credential, credential_sources: sources }) =>
      credential === "missing" ? (
        <Badge tone="warn" hasDot>
          missing
        </Badge>
      ) : sources.length > 0 ? (
        <Badge tone="accent" hasDot>
          at each call
        </Badge>
      ) : (
        <Badge tone={credential === "set" ? "good" : "neutral"} hasDot>
          {credential === "set" ? "set" : "none"}
        </Badge>
      ),
  },
  {
    id: "from",
    header: "From",
    render: ({ credential, credential_sources: sources }) =>
      sources.length > 0 ? <code>{sources.join(", then ")}</code> : credential === "set" ? "read at the start" : "–",
  },
  { id: "address", header: "Address", priority: "low", render: (one) => one.api_base ?? "–" },
];

/** What each model of the config file is called with, and the shorthands of each type. */
export function LocationList() {
  const config = useQuery(api.config.get.queryOptions({}));
  const rows = config.data && [
    ...config.data.models.flatMap(({ name: model, providers }) => providers.map((one) => ({ ...one, model }))),
    ...config.data.provider_types.map((one) => ({ ...one, model: null })),
  ];
  return (
    <Panel title="Credentials by model">
      {config.isError ? (
        <FailureNotice
          error={config.error}
          title="The models could not be loaded"
          onRetry={() => void config.refetch()}
        />
      ) : (
        <DataTable
          label="Credentials by model"
          columns={columns}
          rows={rows}
          getId={({ model, name }) => JSON.stringify([model, name])}
          empty={<p>The config file names no model.</p>}
        />
      )}
    </Panel>
  );
}

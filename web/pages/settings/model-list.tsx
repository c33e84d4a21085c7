import { Badge } from "../../ui/badge.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import type { ConfigView } from "./file-panel.tsx";

interface Row {
  id: string;
  model: string;
  provider: ConfigView["provider_types"][number];
}

const columns: Column<Row>[] = [
  {
    id: "model",
    header: "Model",
    render: ({ model, provider }) => <TitleCell title={model} note={`${provider.name}, ${provider.type}`} />,
  },
  {
    id: "credential",
    header: "Credential",
    render: ({ provider: { credential } }) => (
      <Badge tone={credential === "missing" ? "bad" : credential === "set" ? "good" : "neutral"}>
        {credential === "none" ? "none needed" : credential === "set" ? "set" : "unset"}
      </Badge>
    ),
  },
  {
    id: "upstream",
    header: "Called as",
    priority: "medium",
    render: ({ provider }) => provider.model_name ?? "as it was asked for",
  },
  { id: "base", header: "Address", priority: "low", render: ({ provider }) => provider.api_base ?? "–" },
  { id: "retries", header: "Retries", align: "end", priority: "low", render: ({ provider }) => provider.retries },
];

/** Models of the file, then the types that shorthands are called with. */
export function ModelList({ config }: { config: ConfigView }) {
  const rows: Row[] = [
    ...config.models.flatMap(({ name, providers }) =>
      providers.map((provider) => ({ id: `${name} ${provider.name}`, model: name, provider })),
    ),
    ...config.provider_types.map((provider) => ({
      id: `type ${provider.type}`,
      model: `${provider.type}::*`,
      provider,
    })),
  ];
  return (
    <Panel title="Models and provider types">
      <DataTable
        label="Models and provider types"
        columns={columns}
        rows={rows}
        getId={({ id }) => id}
        empty={
          <EmptyState icon="plug" title="No model">
            Write one under [models] and reload.
          </EmptyState>
        }
      />
    </Panel>
  );
}

import type { Outputs } from "../../app/api.ts";
import { Badge } from "../../ui/badge.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Facts, Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";

export type ConfigView = Outputs["config"]["get"];
type Section = ConfigView["sections"][number];

const whenWords: Record<Section["holds_after"], string> = {
  reload: "after a reload",
  restart: "once the process starts anew",
  "some of each": "some after a reload, some once the process starts anew",
};

const columns: Column<Section>[] = [
  { id: "name", header: "Section", render: ({ name }) => <code>[{name}]</code> },
  {
    id: "from",
    header: "From",
    render: ({ from_file: isFromFile }) =>
      isFromFile ? <Badge tone="accent">config file</Badge> : <Badge>default</Badge>,
  },
  { id: "when", header: "A change holds", render: ({ holds_after: when }) => whenWords[when] },
];

/** Where the config file is, since when it holds, and which sections it has. */
export function FilePanel({ config }: { config: ConfigView }) {
  const { config_file: path, config_file_from: from } = config;
  return (
    <>
      <Panel title="Config file">
        <Facts
          facts={[
            ["File", path === null ? "none: everything is as it is by default" : <code key="path">{path}</code>],
            ["Named by", from === null ? "nothing: it is in the usual place" : <code key="from">{from}</code>],
            ["Read", <RelativeTime key="at" at={config.applied_at} none="not by a process that runs" />],
            ["Its hash", <code key="hash">{config.config_hash}</code>],
          ]}
        />
      </Panel>
      <Panel title="Sections">
        <DataTable
          label="Sections of the config file"
          columns={columns}
          rows={config.sections}
          getId={({ name }) => name}
        />
      </Panel>
    </>
  );
}

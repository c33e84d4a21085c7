import { useQuery } from "@tanstack/react-query";
import { api, type Outputs } from "../../app/api.ts";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import styles from "./key.module.css";

type Entry = Outputs["audit"]["list"]["entries"][number];

/** Who did what to this key, newest first. */
export function KeyAudit({ publicId }: { publicId: string }) {
  const audit = useQuery(api.audit.list.queryOptions({ object: publicId, limit: 50 }));
  const columns: Column<Entry>[] = [
    { id: "at", header: "When", render: (entry) => <RelativeTime at={entry.at} /> },
    { id: "action", header: "What", render: (entry) => entry.action },
    { id: "actor", header: "Who", render: (entry) => <span className={styles["mono"]}>{entry.actor}</span> },
    { id: "ip", header: "From", priority: "medium", render: (entry) => entry.ip || "–" },
    {
      id: "change",
      header: "Change",
      priority: "medium",
      render: (entry) => <pre className={styles["diff"]}>{describeChange(entry.before, entry.after)}</pre>,
    },
  ];
  if (audit.isError) {
    return (
      <FailureNotice error={audit.error} title="The audit could not be loaded" onRetry={() => void audit.refetch()} />
    );
  }
  return (
    <DataTable
      label="Audit of this key"
      columns={columns}
      rows={audit.data?.entries}
      getId={(entry) => String(entry.seq)}
      empty={<EmptyState icon="list" title="Nothing was done to it yet" />}
    />
  );
}

/** The fields that differ, one a line. */
function describeChange(before: unknown, after: unknown): string {
  const old = toFields(before);
  const now = toFields(after);
  if (Object.keys(old).length === 0) return "";
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((name) => name !== "version" && JSON.stringify(old[name]) !== JSON.stringify(now[name]))
    .map((name) => `${name}: ${show(old[name])} → ${show(now[name])}`)
    .join("\n");
}

function toFields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function show(value: unknown): string {
  return value === undefined || value === null ? "none" : typeof value === "string" ? value : JSON.stringify(value);
}

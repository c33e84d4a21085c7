import { useMutation, useQuery } from "@tanstack/react-query";
import { api, type Outputs, queryClient } from "../../app/api.ts";
import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { formatCount, formatMs } from "../../format/count.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button, makeButtonClass } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { PageHeader } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { showFailure, showToast } from "../../ui/toast.tsx";

type JobView = Outputs["jobs"]["list"]["jobs"][number];

/** What runs is looked at again and again. */
const lookMs = 5_000;

export function JobsPage() {
  return (
    <AdminsOnly>
      <Jobs />
    </AdminsOnly>
  );
}

function Jobs() {
  const list = useQuery(api.jobs.list.queryOptions({}, { refetchInterval: lookMs }));
  const run = useMutation(
    api.jobs.run.mutationOptions({
      onSuccess: async ({ job }) => {
        showToast(`A run of ${job} is asked for.`);
        await queryClient.invalidateQueries({ queryKey: api.jobs.pathKey() });
      },
      onError: showFailure,
    }),
  );
  const columns: Column<JobView>[] = [
    {
      id: "job",
      header: "Job",
      render: (job) => (
        <>
          <strong>{job.job}</strong>
          <br />
          <code>{job.schedule}</code>
        </>
      ),
    },
    { id: "state", header: "State", render: (job) => <JobState job={job} /> },
    { id: "last", header: "Last run", render: (job) => <RelativeTime at={job.started_at} /> },
    {
      id: "duration",
      header: "Took",
      align: "end",
      priority: "medium",
      render: (job) => formatMs(job.duration_ms),
    },
    { id: "lag", header: "Began late by", align: "end", priority: "low", render: (job) => formatMs(job.lag_ms) },
    {
      id: "runs",
      header: "Runs",
      align: "end",
      priority: "low",
      render: (job) => formatCount(job.runs),
    },
    {
      id: "failures",
      header: "Failures",
      align: "end",
      priority: "medium",
      render: (job) => formatCount(job.failures),
    },
    { id: "next", header: "Next", priority: "low", render: (job) => <RelativeTime at={job.next_run_at} none="–" /> },
    {
      id: "run",
      header: "",
      align: "end",
      render: (job) => (
        <Button
          size="small"
          aria-label={`Run ${job.job} now`}
          disabled={job.state === "requested"}
          isBusy={run.isPending && run.variables.job === job.job}
          onClick={() => run.mutate({ job: job.job })}
        >
          Run now
        </Button>
      ),
    },
  ];
  return (
    <>
      <PageHeader
        title="Jobs"
        tabTitle="Jobs"
        description="What the workers do beside the calls, in UTC."
        actions={
          <a className={makeButtonClass()} href="/admin/queues" target="_blank" rel="noopener">
            Queues <Icon name="external" size={13} />
          </a>
        }
      />
      {list.isError && (
        <FailureNotice error={list.error} title="The jobs could not be loaded" onRetry={() => void list.refetch()} />
      )}
      {!(list.isError && list.data === undefined) && (
        <DataTable
          label="Jobs"
          columns={columns}
          rows={list.data?.jobs}
          getId={({ job }) => job}
          isStale={list.isError}
          empty={
            <EmptyState icon="stack" title="No job has been set up">
              Start a process with the role worker or all; it makes the schedules when it starts.
            </EmptyState>
          }
        />
      )}
    </>
  );
}

function JobState({ job }: { job: JobView }) {
  if (job.state !== "idle") return <Badge tone="accent">{job.state}</Badge>;
  if (job.error !== null) {
    return (
      <Badge tone="bad" title={job.error}>
        {job.outcome ?? "failed"}: {job.error.slice(0, 60)}
      </Badge>
    );
  }
  return <Badge tone={job.outcome === "completed" ? "good" : "neutral"}>{job.outcome ?? "not yet run"}</Badge>;
}

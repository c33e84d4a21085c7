import { useMutation, useQuery } from "@tanstack/react-query";
import { queryClient } from "../../app/api.ts";
import { authCalls, type BrowserSession } from "../../app/auth-calls.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { showFailure } from "../../ui/toast.tsx";

/** Where somebody is signed in, with a way to end each. */
export function SessionList() {
  const sessions = useQuery({ queryKey: ["auth", "sessions"], queryFn: authCalls.listSessions });
  const own = useQuery({ queryKey: ["auth", "session"], queryFn: authCalls.findSession });
  const ownToken = own.data?.session.token;
  const refresh = () => queryClient.invalidateQueries({ queryKey: ["auth", "sessions"] });
  const end = useMutation({
    mutationFn: (token: string) => authCalls.endSession(token),
    onSuccess: refresh,
    onError: showFailure,
  });
  const endOthers = useMutation({ mutationFn: authCalls.endOtherSessions, onSuccess: refresh, onError: showFailure });

  const columns: Column<BrowserSession>[] = [
    {
      id: "browser",
      header: "Browser",
      render: (session) => (
        <>
          {findBrowserName(session.userAgent ?? "")} {session.token === ownToken && <Badge tone="good">this one</Badge>}
        </>
      ),
    },
    { id: "ip", header: "Address", render: (session) => session.ipAddress || "–" },
    { id: "since", header: "Since", priority: "medium", render: (session) => <RelativeTime at={session.createdAt} /> },
    { id: "ends", header: "Ends", priority: "medium", render: (session) => <RelativeTime at={session.expiresAt} /> },
    {
      id: "end",
      header: "",
      align: "end",
      render: (session) =>
        session.token === ownToken ? null : (
          <Button size="small" isBusy={end.isPending} onClick={() => end.mutate(session.token)}>
            End
          </Button>
        ),
    },
  ];
  return (
    <Panel
      title="Sessions"
      actions={
        <Button
          size="small"
          isBusy={endOthers.isPending}
          disabled={(sessions.data?.length ?? 0) < 2}
          onClick={() => endOthers.mutate()}
        >
          End all others
        </Button>
      }
    >
      {sessions.isError ? (
        <FailureNotice
          error={sessions.error}
          title="The sessions could not be loaded"
          onRetry={() => void sessions.refetch()}
        />
      ) : (
        <DataTable
          label="Sessions"
          columns={columns}
          rows={sessions.data}
          getId={(session) => session.token}
          skeletonRows={2}
        />
      )}
    </Panel>
  );
}

function findBrowserName(agent: string): string {
  const browser = ["Edg", "OPR", "Firefox", "Chrome", "Safari"].find((name) => agent.includes(`${name}/`));
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera" };
  const system = /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(agent)?.[0];
  if (browser === undefined) return agent.slice(0, 40) || "unknown";
  return `${names[browser] ?? browser}${system === undefined ? "" : ` on ${system.replace("Mac OS X", "macOS")}`}`;
}

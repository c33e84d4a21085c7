import { useQuery } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { PageHeader, Stack } from "../../ui/page.tsx";
import { IncidentList } from "./incident-list.tsx";
import { RuleList } from "./rule-list.tsx";

export function AlertsPage() {
  return (
    <AdminsOnly>
      <Alerts />
    </AdminsOnly>
  );
}

function Alerts() {
  const list = useQuery(api.alerts.listRules.queryOptions({}));
  return (
    <>
      <PageHeader title="Alerts" tabTitle="Alerts" description="What rules look for, and what they have found." />
      <Stack>
        <IncidentList rules={list.data?.rules} />
        {list.isError ? (
          <FailureNotice error={list.error} title="The rules could not be loaded" onRetry={() => void list.refetch()} />
        ) : (
          <RuleList rules={list.data?.rules} />
        )}
      </Stack>
    </>
  );
}

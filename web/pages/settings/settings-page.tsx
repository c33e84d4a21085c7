import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { Button } from "../../ui/button.tsx";
import { Icon } from "../../ui/icon.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { PageHeader, Panel, Stack } from "../../ui/page.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { FilePanel } from "./file-panel.tsx";
import { ModelList } from "./model-list.tsx";
import { ReloadDialog } from "./reload-dialog.tsx";
import { SectionPanels } from "./section-panels.tsx";

export function SettingsPage() {
  return (
    <AdminsOnly>
      <Settings />
    </AdminsOnly>
  );
}

function Settings() {
  const [isReloading, setReloading] = useState(false);
  const config = useQuery(api.config.get.queryOptions({}));
  return (
    <>
      <PageHeader
        title="Settings"
        tabTitle="Settings"
        description="The config as the gateway that answers has read it. Secrets stand nowhere."
        actions={
          <Button variant="primary" onClick={() => setReloading(true)}>
            <Icon name="refresh" size={14} /> Reload the file
          </Button>
        }
      />
      {config.isError && (
        <FailureNotice
          error={config.error}
          title="The config could not be loaded"
          onRetry={() => void config.refetch()}
        />
      )}
      {config.data === undefined ? (
        !config.isError && (
          <Panel title="Config file">
            <Skeleton width={220} />
          </Panel>
        )
      ) : (
        <Stack>
          <FilePanel config={config.data} />
          <SectionPanels config={config.data} />
          <ModelList config={config.data} />
        </Stack>
      )}
      {isReloading && <ReloadDialog onClose={() => setReloading(false)} />}
    </>
  );
}

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { api } from "../../app/api.ts";
import { InlineCode } from "../../ui/code-block.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { Facts, PageHeader, Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StateBadge } from "../keys/key-badges.tsx";

const route = getRouteApi("/shell/api-keys/$publicId");

export function KeyPage() {
  const { publicId } = route.useParams();
  const key = useQuery(api.keys.get.queryOptions({ public_id: publicId }));
  if (key.isError && key.data === undefined) {
    return <FailureNotice error={key.error} title="The key could not be loaded" onRetry={() => void key.refetch()} />;
  }
  const { data } = key;
  return (
    <>
      <PageHeader
        title={data?.alias ?? <Skeleton width={160} height={22} />}
        tabTitle={data?.alias ?? "Key"}
        description={<InlineCode text={publicId} label="the public id" />}
      />
      <Panel title="Properties">
        {data === undefined ? (
          <Skeleton width="60%" height={80} />
        ) : (
          <Facts
            facts={[
              ["State", <StateBadge key="state" state={data.state} />],
              ["Type", data.type],
              ["Created", <RelativeTime key="created" at={data.created_at} />],
            ]}
          />
        )}
      </Panel>
    </>
  );
}

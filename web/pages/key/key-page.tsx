import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { api, type Outputs, parseFailure } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import { formatInstant } from "../../format/time.ts";
import { Button, makeButtonClass } from "../../ui/button.tsx";
import { InlineCode } from "../../ui/code-block.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Menu } from "../../ui/menu.tsx";
import { EmptyState, FailureNotice, Notice } from "../../ui/notice.tsx";
import { PageHeader } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import { isBudgetExhausted } from "../keys/budget-state.ts";
import { isOldSecretUsed, KeyBadges, StateBadge } from "../keys/key-badges.tsx";
import { useKeyActions } from "../keys/use-key-actions.tsx";
import styles from "./key.module.css";
import { KeyAudit } from "./key-audit.tsx";
import { KeyEvents } from "./key-events.tsx";
import { KeyLimits } from "./key-limits.tsx";
import { KeyUsage } from "./key-usage.tsx";

const route = getRouteApi("/shell/api-keys/$publicId");
/** Budgets move while calls come in. */
const refreshMs = 5_000;

export function KeyPage() {
  const { publicId } = route.useParams();
  const { tab = "usage" } = route.useSearch();
  const navigate = route.useNavigate();
  const { isAdmin } = useSession();
  const actions = useKeyActions();
  const key = useQuery(api.keys.get.queryOptions({ public_id: publicId }, { refetchInterval: refreshMs }));
  const { data } = key;
  if (key.isError && data === undefined) {
    return parseFailure(key.error).status === 404 || parseFailure(key.error).status === 422 ? (
      <MissingKey />
    ) : (
      <FailureNotice error={key.error} title="The key could not be loaded" onRetry={() => void key.refetch()} />
    );
  }
  const tabs = [
    { id: "usage", label: "Usage", content: <KeyUsage publicId={publicId} /> },
    { id: "calls", label: "Recent calls", content: <KeyEvents publicId={publicId} /> },
    {
      id: "limits",
      label: "Limits and rights",
      content: data === undefined ? <Skeleton width="100%" height={160} /> : <KeyLimits apiKey={data} />,
    },
    ...(isAdmin ? [{ id: "audit", label: "Audit", content: <KeyAudit publicId={publicId} /> }] : []),
  ];
  return (
    <>
      <PageHeader
        tabTitle={data?.alias ?? "Key"}
        title={
          data === undefined ? (
            <Skeleton width={160} height={22} />
          ) : (
            <span className={styles["title"]}>
              {data.alias}
              <StateBadge state={data.state} />
              <KeyBadges apiKey={data} isExhausted={isBudgetExhausted(data.budgets)} />
            </span>
          )
        }
        description={
          <>
            <InlineCode text={publicId} label="the public id" />
            {data?.description != null && <> · {data.description}</>}
          </>
        }
        actions={
          data !== undefined && (
            <>
              <Button disabled={data.state === "revoked"} onClick={() => actions.open("edit", data)}>
                Edit
              </Button>
              <Menu
                trigger={
                  <Button aria-label={`Actions for ${data.alias}`}>
                    Actions <Icon name="down" size={13} />
                  </Button>
                }
                entries={() => actions.makeEntries(data)}
              />
            </>
          )
        }
      />
      <div className={styles["stack"]}>
        {key.isError && (
          <FailureNotice
            error={key.error}
            title="The state and the budgets below are from an earlier answer"
            onRetry={() => void key.refetch()}
          />
        )}
        {data?.rotation != null && data.state !== "revoked" && (
          <OldSecret rotation={data.rotation} isUsed={isOldSecretUsed(data)} />
        )}
        <div>
          <Tabs
            label="Parts of this key"
            value={tabs.some(({ id }) => id === tab) ? tab : "usage"}
            onChange={(next) => void navigate({ search: next === "usage" ? {} : { tab: next }, replace: true })}
            tabs={tabs}
          />
        </div>
      </div>
      {actions.dialogs}
    </>
  );
}

/** Whether anybody has not moved to the new secret yet. */
function OldSecret({
  rotation,
  isUsed,
}: {
  rotation: NonNullable<Outputs["keys"]["get"]["rotation"]>;
  isUsed: boolean;
}) {
  const { old_secret_last_used_at: usedAt, old_secret_ends_at: endsAt } = rotation;
  return (
    <Notice
      tone={isUsed ? "warn" : "good"}
      title={isUsed ? "Somebody still uses the old secret" : "Nobody has used the old secret since"}
    >
      <p>
        {isUsed && (
          <>
            Last <RelativeTime at={usedAt} />.{" "}
          </>
        )}
        It works until {formatInstant(endsAt)}, or until “End the old secret now”.
      </p>
    </Notice>
  );
}

function MissingKey() {
  return (
    <>
      <PageHeader title="No such key" tabTitle="No such key" />
      <EmptyState
        icon="key"
        title="There is no such key among yours"
        actions={
          <Link to="/api-keys" className={makeButtonClass({ variant: "primary" })}>
            Go to your keys
          </Link>
        }
      >
        It may belong to somebody else, or the address may be misspelt.
      </EmptyState>
    </>
  );
}

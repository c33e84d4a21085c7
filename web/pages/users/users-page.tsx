import { keepPreviousData, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { useSession } from "../../app/session.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Select } from "../../ui/field.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Menu } from "../../ui/menu.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { PageHeader } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { showFailure } from "../../ui/toast.tsx";
import { TypedInput } from "../../ui/typed-input.tsx";
import { ChangeUserDialog, type UserView } from "./change-user-dialog.tsx";
import { DeleteUserDialog } from "./delete-user-dialog.tsx";
import { InviteDialog } from "./invite-dialog.tsx";
import { PlanList } from "./plan-list.tsx";
import { refreshUsers } from "./refresh-users.ts";
import { parseUserSearch } from "./user-search.ts";
import styles from "./users.module.css";

const route = getRouteApi("/shell/manage/users");

type Open = { kind: "invite" } | { kind: "change" | "delete"; user: UserView } | null;

export function UsersPage() {
  return (
    <AdminsOnly>
      <Users />
    </AdminsOnly>
  );
}

function Users() {
  const { user: self } = useSession();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  // A new view of the same page: going back leaves it.
  const ask = (change: Record<string, unknown>): void =>
    void navigate({ search: parseUserSearch({ ...search, ...change }), replace: true });
  const [open, setOpen] = useState<Open>(null);
  const list = useInfiniteQuery(
    api.users.list.infiniteQueryOptions(search, {
      getNextPageParam: (page) => page.next_cursor ?? undefined,
      placeholderData: keepPreviousData,
    }),
  );
  const plans = useQuery(api.plans.list.queryOptions({}));
  const planNames = plans.data?.plans.map(({ name }) => name) ?? [];
  const after = { onSuccess: refreshUsers, onError: showFailure };
  const disable = useMutation(api.users.disable.mutationOptions(after));
  const enable = useMutation(api.users.enable.mutationOptions(after));
  const users = list.data?.pages.flatMap((page) => page.users);
  const hasFilter = search.q !== undefined || search.role !== undefined;
  const columns: Column<UserView>[] = [
    {
      id: "name",
      header: "User",
      render: (user) => (
        <div className={styles["name"]}>
          <strong>{user.name}</strong>
          <small>{user.email}</small>
        </div>
      ),
    },
    {
      id: "state",
      header: "State",
      render: ({ state }) => (
        <Badge tone={state === "active" ? "good" : "bad"} hasDot>
          {state}
        </Badge>
      ),
    },
    { id: "role", header: "Role", render: (user) => user.role },
    { id: "plan", header: "Plan", priority: "medium", render: (user) => (user.role === "admin" ? "–" : user.plan) },
    { id: "keys", header: "Keys", align: "end", priority: "medium", render: (user) => user.key_count },
    { id: "since", header: "Since", priority: "low", render: (user) => <RelativeTime at={user.created_at} /> },
    {
      id: "more",
      header: "",
      align: "end",
      render: (user) => (
        <Menu
          trigger={
            <Button variant="ghost" size="small" isIcon aria-label={`Actions of ${user.email}`}>
              <Icon name="more" />
            </Button>
          }
          entries={() => [
            { label: "Change role or plan", icon: "gear", onSelect: () => setOpen({ kind: "change", user }) },
            user.state === "active"
              ? {
                  label: "Disable",
                  icon: "pause",
                  isDisabled: user.id === self.id,
                  onSelect: () => disable.mutate({ user_id: user.id }),
                }
              : { label: "Enable", icon: "play", onSelect: () => enable.mutate({ user_id: user.id }) },
            null,
            {
              label: "Delete",
              icon: "trash",
              isDangerous: true,
              isDisabled: user.id === self.id,
              onSelect: () => setOpen({ kind: "delete", user }),
            },
          ]}
        />
      ),
    },
  ];
  const invite = (
    <Button variant="primary" onClick={() => setOpen({ kind: "invite" })}>
      <Icon name="plus" size={14} /> Invite
    </Button>
  );
  const close = (): void => setOpen(null);
  return (
    <>
      <PageHeader
        title="Users and plans"
        tabTitle="Users"
        description="Who may sign in, and what their keys may do."
        actions={invite}
      />
      <div className={styles["bar"]}>
        <div className={styles["search"]}>
          <TypedInput
            label="Search users"
            placeholder="Name or e-mail"
            value={search.q ?? ""}
            onSettled={(q) => ask({ q })}
            isSearch
          />
        </div>
        <Select
          className={styles["filter"]}
          aria-label="Role"
          value={search.role ?? ""}
          onChange={({ target }) => ask({ role: target.value })}
          options={[
            ["", "Any role"],
            ["member", "Members"],
            ["admin", "Admins"],
          ]}
        />
      </div>
      {list.isError && (
        <FailureNotice error={list.error} title="The users could not be loaded" onRetry={() => void list.refetch()} />
      )}
      {!(list.isError && users === undefined) && (
        <DataTable
          label="Users"
          columns={columns}
          rows={users}
          getId={({ id }) => id}
          isStale={list.isPlaceholderData}
          empty={
            <EmptyState icon="users" title={hasFilter ? "No user matches" : "Nobody yet"} actions={invite}>
              {hasFilter ? "Try less of the name, or any role." : "Invite the first person by e-mail."}
            </EmptyState>
          }
        />
      )}
      {list.hasNextPage && (
        <div className={styles["more"]}>
          <Button isBusy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
      <div className={styles["section"]}>
        <PlanList />
      </div>
      {open?.kind === "invite" && <InviteDialog plans={planNames} onClose={close} />}
      {open?.kind === "change" && <ChangeUserDialog user={open.user} plans={planNames} onClose={close} />}
      {open?.kind === "delete" && <DeleteUserDialog user={open.user} onClose={close} />}
    </>
  );
}

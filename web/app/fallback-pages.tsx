import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { makeButtonClass } from "../ui/button.tsx";
import { EmptyState, FailureNotice } from "../ui/notice.tsx";
import { PageHeader } from "../ui/page.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { useSession } from "./session.ts";

export function MissingPage() {
  return (
    <EmptyState
      icon="search"
      title="There is no such page"
      actions={
        <Link to="/api-keys" className={makeButtonClass({ variant: "primary" })}>
          Go to the API keys
        </Link>
      }
    >
      The address may be misspelt, or the thing is gone.
    </EmptyState>
  );
}

/** A page that could not be shown. */
export function FailedPage({ error }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <div style={{ maxWidth: 640, margin: "48px auto", padding: "0 16px" }}>
      <FailureNotice error={error} title="This page could not be shown" onRetry={() => void router.invalidate()} />
    </div>
  );
}

export function PendingPage() {
  return (
    <div aria-busy="true">
      <Skeleton width={180} height={24} />
    </div>
  );
}

/** Shows a page to admins; the procedures behind it refuse everybody else in any case. */
export function AdminsOnly({ children }: { children: ReactNode }) {
  const { isAdmin } = useSession();
  if (isAdmin) return children;
  return (
    <>
      <PageHeader title="For admins" tabTitle="For admins" />
      <EmptyState icon="users" title="This page is for admins">
        Ask an admin of this gateway to change your role, or to do for you what you came for.
      </EmptyState>
    </>
  );
}

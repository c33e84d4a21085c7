import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { parseActivitySearch } from "../pages/activity/activity-search.ts";
import { parseAlertSearch } from "../pages/alerts/alert-search.ts";
import { parseAuditSearch } from "../pages/audit/audit-search.ts";
import { parseKeySearch } from "../pages/keys/key-search.ts";
import { parsePriceSearch } from "../pages/prices/price-search.ts";
import { parseUsageSearch } from "../pages/usage/usage-search.ts";
import { parseUserSearch } from "../pages/users/user-search.ts";
import { parseWebhookSearch } from "../pages/webhooks/webhook-search.ts";
import { parseFailure, queryClient } from "./api.ts";
import { FailedPage, MissingPage, PendingPage } from "./fallback-pages.tsx";
import { sessionQuery } from "./session.ts";
import { Shell } from "./shell.tsx";

const root = createRootRoute({ component: Outlet, notFoundComponent: MissingPage });

/** Pages of this dashboard only: never another host. */
function parseNext(search: Record<string, unknown>): { next?: string } {
  const { next } = search;
  return typeof next === "string" && /^\/(?!\/|\\)/.test(next) ? { next } : {};
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: parseNext,
  component: lazyRouteComponent(() => import("../pages/sign-in/sign-in-page.tsx"), "SignInPage"),
});
const signUp = createRoute({
  getParentRoute: () => root,
  path: "/sign-up",
  validateSearch: (search): { invitation?: string; email?: string } => ({
    ...(typeof search["invitation"] === "string" ? { invitation: search["invitation"] } : {}),
    ...(typeof search["email"] === "string" ? { email: search["email"] } : {}),
  }),
  component: lazyRouteComponent(() => import("../pages/sign-in/sign-up-page.tsx"), "SignUpPage"),
});
const firstStart = createRoute({
  getParentRoute: () => root,
  path: "/first-start",
  component: lazyRouteComponent(() => import("../pages/sign-in/first-start-page.tsx"), "FirstStartPage"),
});
const forgotPassword = createRoute({
  getParentRoute: () => root,
  path: "/forgot-password",
  component: lazyRouteComponent(() => import("../pages/sign-in/forgot-password-page.tsx"), "ForgotPasswordPage"),
});
const resetPassword = createRoute({
  getParentRoute: () => root,
  path: "/reset-password",
  validateSearch: (search): { token?: string; error?: string } => ({
    ...(typeof search["token"] === "string" ? { token: search["token"] } : {}),
    ...(typeof search["error"] === "string" ? { error: search["error"] } : {}),
  }),
  component: lazyRouteComponent(() => import("../pages/sign-in/reset-password-page.tsx"), "ResetPasswordPage"),
});

/** Everything below needs a session; whoever has none signs in and comes back. */
const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(sessionQuery());
    } catch (error) {
      if (parseFailure(error).status !== 401) throw error;
      redirect({ to: "/sign-in", search: { next: location.href }, throw: true });
    }
  },
  component: Shell,
  errorComponent: FailedPage,
});
const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  beforeLoad: () => {
    redirect({ to: "/api-keys", throw: true });
  },
});
const keys = createRoute({
  getParentRoute: () => shell,
  path: "/api-keys",
  validateSearch: parseKeySearch,
  component: lazyRouteComponent(() => import("../pages/keys/keys-page.tsx"), "KeysPage"),
});
const key = createRoute({
  getParentRoute: () => shell,
  path: "/api-keys/$publicId",
  validateSearch: (search): { tab?: string } => (typeof search["tab"] === "string" ? { tab: search["tab"] } : {}),
  component: lazyRouteComponent(() => import("../pages/key/key-page.tsx"), "KeyPage"),
});
const usage = createRoute({
  getParentRoute: () => shell,
  path: "/usage",
  validateSearch: parseUsageSearch,
  component: lazyRouteComponent(() => import("../pages/usage/usage-page.tsx"), "UsagePage"),
});
const activity = createRoute({
  getParentRoute: () => shell,
  path: "/activity",
  validateSearch: parseActivitySearch,
  component: lazyRouteComponent(() => import("../pages/activity/activity-page.tsx"), "ActivityPage"),
});
const quickStart = createRoute({
  getParentRoute: () => shell,
  path: "/quick-start",
  component: lazyRouteComponent(() => import("../pages/quick-start/quick-start-page.tsx"), "QuickStartPage"),
});
const account = createRoute({
  getParentRoute: () => shell,
  path: "/account",
  component: lazyRouteComponent(() => import("../pages/account/account-page.tsx"), "AccountPage"),
});
const users = createRoute({
  getParentRoute: () => shell,
  path: "/manage/users",
  validateSearch: parseUserSearch,
  component: lazyRouteComponent(() => import("../pages/users/users-page.tsx"), "UsersPage"),
});
const audit = createRoute({
  getParentRoute: () => shell,
  path: "/manage/audit",
  validateSearch: parseAuditSearch,
  component: lazyRouteComponent(() => import("../pages/audit/audit-page.tsx"), "AuditPage"),
});
const jobs = createRoute({
  getParentRoute: () => shell,
  path: "/manage/jobs",
  component: lazyRouteComponent(() => import("../pages/jobs/jobs-page.tsx"), "JobsPage"),
});
const limits = createRoute({
  getParentRoute: () => shell,
  path: "/manage/limits",
  component: lazyRouteComponent(() => import("../pages/limits/limits-page.tsx"), "LimitsPage"),
});
const prices = createRoute({
  getParentRoute: () => shell,
  path: "/manage/prices",
  validateSearch: parsePriceSearch,
  component: lazyRouteComponent(() => import("../pages/prices/prices-page.tsx"), "PricesPage"),
});
const settings = createRoute({
  getParentRoute: () => shell,
  path: "/manage/settings",
  component: lazyRouteComponent(() => import("../pages/settings/settings-page.tsx"), "SettingsPage"),
});
const providers = createRoute({
  getParentRoute: () => shell,
  path: "/manage/providers",
  component: lazyRouteComponent(() => import("../pages/providers/providers-page.tsx"), "ProvidersPage"),
});
const alerts = createRoute({
  getParentRoute: () => shell,
  path: "/manage/alerts",
  validateSearch: parseAlertSearch,
  component: lazyRouteComponent(() => import("../pages/alerts/alerts-page.tsx"), "AlertsPage"),
});
const webhooks = createRoute({
  getParentRoute: () => shell,
  path: "/manage/webhooks",
  validateSearch: parseWebhookSearch,
  component: lazyRouteComponent(() => import("../pages/webhooks/webhooks-page.tsx"), "WebhooksPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    signUp,
    firstStart,
    forgotPassword,
    resetPassword,
    shell.addChildren([
      home,
      keys,
      key,
      usage,
      activity,
      quickStart,
      account,
      users,
      limits,
      prices,
      providers,
      alerts,
      webhooks,
      audit,
      jobs,
      settings,
    ]),
  ]),
  // Without it, what a page's reader leaves out of the address stands in the page's search all the same, as it came.
  search: { strict: true },
  defaultPreload: "intent",
  defaultPendingComponent: PendingPage,
  defaultErrorComponent: FailedPage,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

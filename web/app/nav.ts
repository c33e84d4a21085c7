import type { IconName } from "../ui/icon.tsx";

export interface NavEntry {
  to:
    | "/api-keys"
    | "/usage"
    | "/activity"
    | "/quick-start"
    | "/account"
    | "/manage/users"
    | "/manage/limits"
    | "/manage/prices"
    | "/manage/providers"
    | "/manage/alerts"
    | "/manage/webhooks"
    | "/manage/audit"
    | "/manage/jobs"
    | "/manage/settings";
  label: string;
  icon: IconName;
  /** Pressed after `g`. */
  shortcut: string;
  isForAdmins: boolean;
}

/** The pages in the side bar and in the command palette. To add one: its route in `routes.tsx`, and a line here. */
export const navEntries: readonly NavEntry[] = [
  { to: "/api-keys", label: "API keys", icon: "key", shortcut: "k", isForAdmins: false },
  { to: "/usage", label: "Usage", icon: "chart", shortcut: "u", isForAdmins: false },
  { to: "/activity", label: "Activity", icon: "pulse", shortcut: "a", isForAdmins: false },
  { to: "/quick-start", label: "Quick start", icon: "bolt", shortcut: "q", isForAdmins: false },
  { to: "/manage/users", label: "Users", icon: "users", shortcut: "n", isForAdmins: true },
  { to: "/manage/limits", label: "Limits", icon: "gauge", shortcut: "l", isForAdmins: true },
  { to: "/manage/prices", label: "Prices", icon: "tag", shortcut: "p", isForAdmins: true },
  { to: "/manage/providers", label: "Providers", icon: "plug", shortcut: "r", isForAdmins: true },
  { to: "/manage/alerts", label: "Alerts", icon: "bell", shortcut: "e", isForAdmins: true },
  { to: "/manage/webhooks", label: "Webhooks", icon: "send", shortcut: "w", isForAdmins: true },
  { to: "/manage/audit", label: "Audit", icon: "list", shortcut: "d", isForAdmins: true },
  { to: "/manage/jobs", label: "Jobs", icon: "stack", shortcut: "j", isForAdmins: true },
  { to: "/manage/settings", label: "Settings", icon: "gear", shortcut: "s", isForAdmins: true },
];

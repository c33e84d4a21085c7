import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu } from "../ui/menu.tsx";
import { parseFailure } from "./api.ts";
import { Brand } from "./brand.tsx";
import { navEntries } from "./nav.ts";
import { sessionQuery, signOut, useSession } from "./session.ts";
import styles from "./shell.module.css";
import { useShortcuts } from "./shortcuts.ts";
import { setThemeChoice, useThemeChoice } from "./theme.ts";

/** Loads when it is first opened, and the dialog with it. */
const CommandPalette = lazy(async () => ({ default: (await import("./command-palette.tsx")).CommandPalette }));

/** What stands around every page of somebody who is signed in. */
export function Shell() {
  const [isNavOpen, setNavOpen] = useState(false);
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const { isAdmin } = useSession();
  const entries = navEntries.filter((entry) => isAdmin || !entry.isForAdmins);
  const session = useQuery(sessionQuery());
  const hasEnded = session.isError && parseFailure(session.error).status === 401;

  useEffect(() => {
    if (hasEnded) void navigate({ to: "/sign-in", search: { next: pathname } });
  }, [hasEnded, navigate, pathname]);
  // A page that was reached is what the menu was open for.
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- runs for each new address
  useEffect(() => setNavOpen(false), [pathname]);

  useShortcuts({
    "mod+k": () => setPaletteOpen(true),
    c: () => void navigate({ to: "/api-keys", search: { create: true } }),
    "/": () => focusSearch(),
    "?": () => setPaletteOpen(true),
    ...Object.fromEntries(entries.map(({ to, shortcut }) => [`g ${shortcut}`, () => void navigate({ to })])),
  });

  return (
    <div className={styles["shell"]}>
      <a className={styles["skip"]} href="#main">
        Skip to the page
      </a>
      <header className={styles["top"]}>
        <Link to="/api-keys" className={styles["brand"]}>
          <Brand />
        </Link>
        <Button
          variant="ghost"
          isIcon
          aria-label={isNavOpen ? "Close the menu" : "Open the menu"}
          aria-expanded={isNavOpen}
          onClick={() => setNavOpen(!isNavOpen)}
        >
          <Icon name="menu" size={18} />
        </Button>
      </header>
      <button
        type="button"
        className={styles["scrim"]}
        data-open={isNavOpen}
        aria-label="Close the menu"
        tabIndex={-1}
        onClick={() => setNavOpen(false)}
      />
      <div className={styles["side"]} data-open={isNavOpen}>
        <Link to="/api-keys" className={styles["brand"]}>
          <Brand />
        </Link>
        <button type="button" className={styles["find"]} onClick={() => setPaletteOpen(true)}>
          <Icon name="search" size={14} /> Find or do <kbd>Ctrl K</kbd>
        </button>
        <nav className={styles["nav"]} aria-label="Main">
          {entries.map((entry, index) => (
            <div key={entry.to} style={{ display: "contents" }}>
              {entry.isForAdmins && entries[index - 1]?.isForAdmins === false && (
                <div className={styles["heading"]}>Administration</div>
              )}
              <Link to={entry.to} className={styles["link"]}>
                <Icon name={entry.icon} />
                {entry.label}
              </Link>
            </div>
          ))}
        </nav>
        <div className={styles["foot"]}>
          <PersonMenu />
        </div>
      </div>
      <main id="main" className={styles["main"]} tabIndex={-1}>
        <Outlet />
      </main>
      {isPaletteOpen && (
        <Suspense fallback={null}>
          <CommandPalette entries={entries} onClose={() => setPaletteOpen(false)} />
        </Suspense>
      )}
    </div>
  );
}

/** Pages mark their search field so. */
function focusSearch(): void {
  document.querySelector<HTMLInputElement>("[data-search]")?.focus();
}

function PersonMenu() {
  const { user, plan } = useSession();
  const navigate = useNavigate();
  const theme = useThemeChoice();
  const mark = (choice: string): { icon?: "check" } => (choice === theme ? { icon: "check" } : {});
  return (
    <Menu
      align="start"
      side="top"
      trigger={
        <button type="button" className={styles["person"]}>
          <span className={styles["initial"]} aria-hidden="true">
            {user.name.slice(0, 1).toUpperCase()}
          </span>
          <span className={styles["who"]}>
            <span>{user.email}</span>
            <small>{plan === null ? "Admin" : `Plan ${plan.name}`}</small>
          </span>
        </button>
      }
      entries={() => [
        { label: "Account and sessions", icon: "gear", onSelect: () => void navigate({ to: "/account" }) },
        { label: "Admin API", icon: "external", onSelect: () => void open("/admin/docs", "_blank", "noopener") },
        null,
        { label: "Theme of the system", ...mark("system"), onSelect: () => setThemeChoice("system") },
        { label: "Light", ...mark("light"), onSelect: () => setThemeChoice("light") },
        { label: "Dark", ...mark("dark"), onSelect: () => setThemeChoice("dark") },
        null,
        { label: "Sign out", icon: "out", onSelect: () => void signOut() },
      ]}
    />
  );
}

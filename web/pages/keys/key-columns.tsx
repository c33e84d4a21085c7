import { Link } from "@tanstack/react-router";
import type { Outputs } from "../../app/api.ts";
import { formatCount, formatShare, formatShort } from "../../format/count.ts";
import { findSpentShare, formatCap, formatMoney } from "../../format/usd.ts";
import { Button } from "../../ui/button.tsx";
import type { Column } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Menu } from "../../ui/menu.tsx";
import { Meter } from "../../ui/meter.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { findTightestBudget, isBudgetExhausted } from "./budget-state.ts";
import { KeyBadges, type KeyView, StateBadge } from "./key-badges.tsx";
import styles from "./keys.module.css";
import type { KeyActions } from "./use-key-actions.tsx";

export type Figures = Outputs["keys"]["figures"]["figures"][number];

/** What stands in a cell of figures: the figure, a skeleton while it loads, or a dash where it cannot be had. */
interface FigureSource {
  find(publicId: string): Figures | undefined;
  isLoading: boolean;
}

const loudErrorRate = 0.05;

export function makeKeyColumns(source: FigureSource, makeEntries: KeyActions["makeEntries"]): Column<KeyView>[] {
  const none = <span className={styles["quiet"]}>–</span>;
  const figure = (key: KeyView, render: (figures: Figures) => React.ReactNode): React.ReactNode => {
    const found = source.find(key.public_id);
    if (found !== undefined) return render(found);
    return source.isLoading ? <Skeleton width={44} /> : none;
  };
  return [
    {
      id: "alias",
      header: "Key",
      isSortable: true,
      render: (key) => (
        <div className={styles["name"]}>
          <Link to="/api-keys/$publicId" params={{ publicId: key.public_id }} title={key.description ?? undefined}>
            {key.alias}
          </Link>
          <small>
            {key.type} · <code>{key.public_id}</code>
          </small>
        </div>
      ),
    },
    {
      id: "state",
      header: "State",
      render: (key) => (
        <div className={styles["badges"]}>
          <StateBadge state={key.state} />
          <KeyBadges apiKey={key} isExhausted={isBudgetExhausted(source.find(key.public_id)?.budgets ?? [])} />
        </div>
      ),
    },
    {
      id: "models",
      header: "Models",
      priority: "low",
      render: (key) => (
        <span className={styles["models"]} title={key.models.join(", ")}>
          {key.models.length === 0
            ? "none"
            : key.models.length === 1 && key.models[0] === "*"
              ? "all"
              : key.models.join(", ")}
        </span>
      ),
    },
    {
      id: "budget",
      header: "Budget",
      priority: "medium",
      render: (key) =>
        figure(key, ({ budgets }) => {
          const budget = findTightestBudget(budgets);
          if (budget === undefined) return none;
          return (
            <Meter
              label={`Budget of ${key.alias}`}
              share={findSpentShare(budget)}
              used={formatMoney(budget.spent_usd)}
              cap={`${formatCap(budget)} / ${budget.period}`}
            />
          );
        }),
    },
    {
      id: "rpm",
      header: "RPM",
      align: "end",
      priority: "low",
      render: (key) => {
        const rpm = key.rate_limits["requests_per_minute"];
        return rpm === undefined ? none : formatCount(rpm);
      },
    },
    {
      id: "requests",
      header: "Calls 30 d",
      align: "end",
      priority: "medium",
      render: (key) => figure(key, ({ requests }) => formatShort(requests)),
    },
    {
      id: "errors",
      header: "Errors",
      align: "end",
      priority: "low",
      render: (key) =>
        figure(key, ({ error_rate: rate, requests }) =>
          requests === 0 ? (
            none
          ) : (
            <span className={rate >= loudErrorRate ? styles["loud"] : undefined}>{formatShare(rate)}</span>
          ),
        ),
    },
    {
      id: "last_used_at",
      header: "Last used",
      isSortable: true,
      priority: "medium",
      render: (key) => <RelativeTime at={key.last_used_at} />,
    },
    {
      id: "expires_at",
      header: "Expires",
      isSortable: true,
      priority: "low",
      render: (key) => <RelativeTime at={key.expires_at} />,
    },
    {
      id: "menu",
      header: "",
      align: "end",
      isPinned: true,
      render: (key) => (
        <Menu
          trigger={
            <Button variant="ghost" size="small" isIcon aria-label={`Actions for ${key.alias}`}>
              <Icon name="more" />
            </Button>
          }
          entries={() => makeEntries(key)}
        />
      ),
    },
  ];
}

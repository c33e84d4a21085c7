import { Link } from "@tanstack/react-router";
import { formatMs, formatShort } from "../../format/count.ts";
import { formatMoney } from "../../format/usd.ts";
import { Badge, type Tone } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import type { Column } from "../../ui/data-table.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import styles from "../usage/usage.module.css";
import type { Call } from "./use-live-events.ts";

export function findStatusTone(status: number): Tone {
  return status < 400 ? "good" : status < 500 ? "warn" : "bad";
}

/** The columns of the list of calls; `onOpen` shows everything of one. */
export function makeActivityColumns(onOpen: (call: Call) => void): Column<Call>[] {
  return [
    { id: "at", header: "When", render: (call) => <RelativeTime at={call.at} /> },
    {
      id: "status",
      header: "Status",
      render: (call) => (
        <Badge tone={findStatusTone(call.status)} hasDot>
          {call.status} {call.code ?? ""}
        </Badge>
      ),
    },
    { id: "model", header: "Model", render: (call) => <span className={styles["mono"]}>{call.model}</span> },
    {
      id: "key",
      header: "Key",
      priority: "medium",
      render: (call) => (
        <Link to="/api-keys/$publicId" params={{ publicId: call.public_id }} className={styles["mono"]}>
          {call.public_id}
        </Link>
      ),
    },
    {
      id: "tokens",
      header: "Tokens in, out",
      align: "end",
      priority: "medium",
      render: (call) =>
        `${formatShort(call.input_tokens + call.cached_input_tokens)}, ${formatShort(call.output_tokens)}`,
    },
    {
      id: "cost",
      header: "Cost",
      align: "end",
      render: (call) => (call.cost_usd === null ? "unpriced" : formatMoney(call.cost_usd)),
    },
    { id: "latency", header: "Latency", align: "end", render: (call) => formatMs(call.latency_ms) },
    {
      id: "first",
      header: "First token",
      align: "end",
      priority: "low",
      render: (call) => formatMs(call.first_token_ms),
    },
    {
      id: "more",
      header: "",
      align: "end",
      render: (call) => (
        <Button variant="ghost" size="small" aria-label={`Details of the call ${call.id}`} onClick={() => onOpen(call)}>
          Details
        </Button>
      ),
    },
  ];
}

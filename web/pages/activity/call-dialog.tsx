import { formatBytes, formatCount, formatMs } from "../../format/count.ts";
import { formatInstant } from "../../format/time.ts";
import { formatMoney } from "../../format/usd.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/page.tsx";
import styles from "../usage/usage.module.css";
import { findStatusTone } from "./activity-columns.tsx";
import type { Call } from "./use-live-events.ts";

const sources = {
  reported: "as the provider reported it",
  estimated: "estimated: the provider reported nothing",
  reserved: "as it was reserved: its end was never seen",
} as const;

/** Everything that was counted of one call. Never its text: that is not kept. */
export function CallDialog({ call, onClose }: { call: Call; onClose: () => void }) {
  const mono = (text: string) => <span className={styles["mono"]}>{text}</span>;
  const tags = (given: Record<string, string>) =>
    Object.keys(given).length === 0
      ? "none"
      : mono(
          Object.entries(given)
            .map(([name, value]) => `${name}=${value}`)
            .join(", "),
        );
  return (
    <Dialog isOpen isWide onClose={onClose} title="One call" footer={<Button onClick={onClose}>Close</Button>}>
      <Facts
        facts={[
          ["Request id", mono(call.id)],
          ["When", formatInstant(call.at)],
          [
            "Status",
            <Badge key="status" tone={findStatusTone(call.status)} hasDot>
              {call.status} {call.code ?? ""}
            </Badge>,
          ],
          ["Model", mono(call.model)],
          ["Provider", `${call.provider}, ${call.attempts === 1 ? "1 attempt" : `${call.attempts} attempts`}`],
          ["Endpoint", `${call.endpoint}${call.stream ? ", streamed" : ""}`],
          ["Key", mono(call.public_id)],
          ["Tags of the key", tags(call.key_tags)],
          ["Tags of the request", tags(call.request_tags)],
          [
            "Tokens",
            `${formatCount(call.input_tokens)} in, ${formatCount(call.cached_input_tokens)} cached, ${formatCount(call.output_tokens)} out, ${formatCount(call.reasoning_tokens)} reasoning`,
          ],
          ["Cost", call.cost_usd === null ? "The model has no price" : formatMoney(call.cost_usd)],
          ["Counted", sources[call.usage_source]],
          ["Price", mono(call.price_id)],
          ["Latency", `${formatMs(call.latency_ms)}; first token ${formatMs(call.first_token_ms)}`],
          ["Bytes", `${formatBytes(call.bytes_in)} in, ${formatBytes(call.bytes_out)} out`],
          ["Client", mono(call.origin === null ? call.client_ip : `${call.client_ip} ${call.origin}`)],
        ]}
      />
    </Dialog>
  );
}

import { formatCount } from "../../format/count.ts";
import { Button } from "../../ui/button.tsx";
import { Notice } from "../../ui/notice.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import type { ModelPrice, PriceView } from "./price-rates.ts";
import styles from "./prices.module.css";

/** Models whose calls of the last days cost nobody knows what. */
export function UnpricedNotice({
  prices,
  onSet,
  onRerate,
}: {
  prices: readonly ModelPrice[];
  onSet: (model: string, price: PriceView) => void;
  onRerate: (models: readonly string[]) => void;
}) {
  const met = prices.flatMap(({ model, unpriced, recent }) =>
    recent !== null && recent.unpriced_requests > 0 ? [{ model, unpriced, recent }] : [],
  );
  const open = met.filter(({ unpriced }) => unpriced);
  const priced = met.filter(({ unpriced }) => !unpriced).map(({ model }) => model);
  return (
    <>
      {open.length > 0 && (
        <Notice tone="warn" title="Called in the last 7 days without a price">
          <ul className={styles["unpriced"]}>
            {open.map(({ model, recent }) => (
              <li key={model}>
                <span>
                  <code>{model}</code>: {formatCount(recent.unpriced_requests)}{" "}
                  {recent.unpriced_requests === 1 ? "call" : "calls"}, the last{" "}
                  <RelativeTime at={recent.last_used_at} />
                </span>
                <Button size="small" aria-label={`Set a price of ${model}`} onClick={() => onSet(model, null)}>
                  Set a price
                </Button>
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {priced.length > 0 && (
        <Notice
          tone="neutral"
          title="Calls of the last 7 days had no price, and would have one now"
          action={
            <Button size="small" onClick={() => onRerate(priced)}>
              Re-rate them
            </Button>
          }
        >
          <p>{priced.join(", ")}</p>
        </Notice>
      )}
    </>
  );
}

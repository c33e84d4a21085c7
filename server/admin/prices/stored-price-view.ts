import type { StoredModelPrice } from "../../../db/queries/model-prices.ts";
import { makePriceView, parseStoredPrice, type StoredPriceView } from "../../core/price-schema.ts";

/** @throws ZodError for a row that this release did not write. */
export function makeStoredPriceView(stored: StoredModelPrice): StoredPriceView {
  const { id, model, body, createdAt, updatedAt, updatedBy } = stored;
  return {
    ...makePriceView(parseStoredPrice(model, body)),
    id,
    model,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    updated_by: updatedBy,
  };
}

/** For the audit log, which tells of a row that cannot be read too, as it stands. */
export function makeAuditedPrice(stored: StoredModelPrice | null): unknown {
  if (stored === null) return null;
  try {
    return makeStoredPriceView(stored);
  } catch {
    return { id: stored.id, model: stored.model, unreadable: stored.body };
  }
}

/** A budget as `api_key.budgets` holds it: money as decimal text of nano-USD, because JSON numbers are floats. */
export interface StoredBudget {
  limit_nano_usd: string;
  period: string;
  timezone?: string;
}

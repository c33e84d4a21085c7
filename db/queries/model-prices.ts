import type postgres from "postgres";

/** A price that an admin stored, as it stands in the table. */
export interface StoredModelPrice {
  id: string;
  model: string;
  /** Rates as the admin API takes them. */
  body: unknown;
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
}

interface PriceRow {
  id: string;
  model: string;
  body: unknown;
  created_at: string;
  updated_at: string;
  updated_by: string;
}

function parsePriceRow(row: PriceRow): StoredModelPrice {
  return {
    id: row.id,
    model: row.model,
    body: row.body,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
    updatedBy: row.updated_by,
  };
}

/** All stored prices, by model. */
export async function listModelPrices(sql: postgres.Sql): Promise<StoredModelPrice[]> {
  return (await sql<PriceRow[]>`select * from model_price order by model`).map(parsePriceRow);
}

export async function findModelPrice(sql: postgres.Sql, id: string): Promise<StoredModelPrice | null> {
  const [row] = await sql<PriceRow[]>`select * from model_price where id = ${id}`;
  return row === undefined ? null : parsePriceRow(row);
}

/** Keeps other writers of prices out until the transaction ends; readers go on. */
export async function findLockedModelPrice(
  tx: postgres.TransactionSql,
  which: { id: string } | { model: string },
): Promise<StoredModelPrice | null> {
  await tx`lock table model_price in share row exclusive mode`;
  const [row] = await tx<PriceRow[]>`
    select * from model_price where ${"id" in which ? tx`id = ${which.id}` : tx`model = ${which.model}`}`;
  return row === undefined ? null : parsePriceRow(row);
}

/** Adds the price of a model, or puts another in its place; `null` where there would be more than `pricesMax`. */
export async function insertModelPrice(
  tx: postgres.TransactionSql,
  price: Pick<StoredModelPrice, "id" | "model" | "body" | "updatedBy">,
  pricesMax: number,
): Promise<StoredModelPrice | null> {
  const [row] = await tx<PriceRow[]>`
    insert into model_price as p (id, model, body, updated_by)
    select ${price.id}::text, ${price.model}::text, ${JSON.stringify(price.body)}::jsonb, ${price.updatedBy}::text
    where (select count(*) from model_price where model <> ${price.model}) < ${pricesMax}
    on conflict (model) do update set body = excluded.body, updated_by = excluded.updated_by, updated_at = now()
    returning *`;
  return row === undefined ? null : parsePriceRow(row);
}

export async function deleteModelPrice(tx: postgres.TransactionSql, id: string): Promise<void> {
  await tx`delete from model_price where id = ${id}`;
}

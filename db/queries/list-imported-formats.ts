import type postgres from "postgres";
import { type ImportFormat, importFormats } from "../../server/core/api-key.ts";

/** The formats of which any key was imported. */
export async function listImportedFormats(sql: postgres.Sql): Promise<ImportFormat[]> {
  const rows = await sql<{ format: ImportFormat }[]>`
    select format from unnest(${[...importFormats]}::text[]) as f(format)
    where exists (select 1 from api_key where imported_from = f.format)`;
  return rows.map((row) => row.format);
}

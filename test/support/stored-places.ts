import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type postgres from "postgres";

/** Every table of every schema as text: what `pg_dump` would write, and the definitions beside it. */
export async function dumpDatabase(sql: postgres.Sql): Promise<Record<string, string>> {
  const tables = await sql<{ name: string; text: string }[]>`
    select format('%I.%I', n.nspname, c.relname) as name,
           (xpath('/row/t/text()', query_to_xml(format(
             'select coalesce(string_agg(r::text, chr(10)), '''') as t from %I.%I r', n.nspname, c.relname), false, true, '')))[1]::text as text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`;
  const places = Object.fromEntries(tables.map(({ name, text }) => [`table ${name}`, text ?? ""]));
  const [more] = await sql<{ text: string }[]>`
    select coalesce((select string_agg(pg_get_functiondef(p.oid), chr(10)) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' and p.prokind <> 'a'), '')
        || coalesce((select string_agg(query, chr(10)) from pg_stat_activity), '')
        || coalesce((select string_agg(description, chr(10)) from pg_description where objoid > 16384), '') as text`;
  return { ...places, "functions, queries, comments": more?.text ?? "" };
}

/** Every file below a folder, by its path there. */
export function readFolder(path: string): Record<string, string> {
  const places: Record<string, string> = {};
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    places[`file ${file.slice(path.length)}`] = readFileSync(file, "latin1");
  }
  return places;
}

import type postgres from "postgres";
import { parseUsageEventRow, type StoredEvent, type UsageEventRow, usageEventColumns } from "./usage-event-row.ts";

/** Which parts a follower of the ledger has seen. */
export interface SeenParts {
  /** Nothing below it is looked at again. */
  floor: bigint;
  ids: ReadonlySet<bigint>;
}

/** A part that commits after so many later ones is not noticed. */
const behindMax = 200n;
const partsMax = 500;

/** What has been committed up to now counts as seen. */
export async function findSeenParts(sql: postgres.Sql): Promise<SeenParts> {
  const rows = await sql<{ part_id: string }[]>`
    select part_id from usage_part order by part_id desc limit ${Number(behindMax)}`;
  return makeSeenParts(new Set(rows.map((row) => BigInt(row.part_id))));
}

/**
 * Finds what was committed since: the newest events of parts that were not seen, oldest first.
 *
 * @param eventsMax of them; of late events none whose call began more than an hour ago.
 * @returns `left`: how many more the parts hold.
 */
export async function listNewEvents(
  sql: postgres.Sql,
  seen: SeenParts,
  eventsMax: number,
): Promise<{ events: StoredEvent[]; left: number; seen: SeenParts }> {
  const parts = await sql<{ part_id: string; events: number }[]>`
    select part_id, events from usage_part where part_id > ${seen.floor.toString()} order by part_id desc
    limit ${Number(behindMax) + partsMax}`;
  const fresh = parts.filter((part) => !seen.ids.has(BigInt(part.part_id)));
  if (fresh.length === 0) return { events: [], left: 0, seen };
  const ids = fresh.map((part) => part.part_id);
  const rows = await sql.unsafe<UsageEventRow[]>(
    `select ${usageEventColumns} from usage_event
    where part_id = any ($1::bigint[])
      and at >= (select greatest(min(first_at), now() - interval '1 hour') from usage_part where part_id = any ($1::bigint[]))
      and at <= (select max(last_at) from usage_part where part_id = any ($1::bigint[]))
    order by at desc, id desc limit ${eventsMax}`,
    [ids],
  );
  const events = rows.map(parseUsageEventRow).reverse();
  const stored = fresh.reduce((sum, part) => sum + part.events, 0);
  const all = new Set([...seen.ids, ...fresh.map((part) => BigInt(part.part_id))]);
  return { events, left: Math.max(0, stored - events.length), seen: makeSeenParts(all) };
}

function makeSeenParts(ids: ReadonlySet<bigint>): SeenParts {
  let last = 0n;
  for (const id of ids) if (id > last) last = id;
  const floor = last > behindMax ? last - behindMax : 0n;
  return { floor, ids: new Set([...ids].filter((id) => id > floor)) };
}

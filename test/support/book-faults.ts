import type postgres from "postgres";
import type { ReconcileBook, ReconcileCause } from "../../server/core/reconcile-schema.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A fault that was planted, and how a reconciliation has to tell it. */
export interface PlantedFault {
  book: ReconcileBook;
  cause: ReconcileCause;
  /** The series, part, key or window. */
  object: string;
  /** Where it stands: `YYYY-MM-DD`, and its key. */
  day?: string;
  publicId?: string;
}

interface Place {
  hour: string;
  day: string;
  series_id: string;
  id: string;
  at: string;
  part_id: string;
  public_id: string;
}

type Plant = (sql: postgres.Sql, place: Place) => Promise<PlantedFault>;

const series = (place: Place): string => `series:${place.series_id}`;

/** @throws where nothing was changed: a fault that is not there proves nothing. */
async function change(query: Promise<{ count: number }>): Promise<void> {
  const { count } = await query;
  if (count !== 1) throw new Error(`a fault changed ${count} rows`);
}

/** Faults of raw events. Their triggers are off. */
const ledgerFaults: readonly Plant[] = [
  async (sql, place) => {
    await change(sql`delete from usage_event where at = ${place.at}::timestamptz and id = ${place.id}`);
    return { book: "ledger", cause: "lost", object: `part:${place.part_id}` };
  },
  async (sql, place) => {
    await change(
      sql.unsafe(
        `insert into usage_event select (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid()))).*
      from usage_event e where e.at = $1::timestamptz and e.id = $2::uuid`,
        [place.at, place.id],
      ),
    );
    return { book: "ledger", cause: "doubled", object: `part:${place.part_id}` };
  },
];

/** Faults of rollups, and of raw events that their batches cannot tell. Each goes to a series of its own. */
const bookFaults: readonly Plant[] = [
  async (sql, place) => {
    await change(
      sql`delete from usage_hour where hour = ${place.hour}::timestamptz and series_id = ${place.series_id}`,
    );
    return { book: "hour", cause: "lost", object: series(place) };
  },
  async (sql, place) => {
    await change(sql`update usage_hour set requests = requests * 2, cost_nano_usd = cost_nano_usd * 2, latency = latency || latency
      where hour = ${place.hour}::timestamptz and series_id = ${place.series_id}`);
    return { book: "hour", cause: "doubled", object: series(place) };
  },
  async (sql, place) => {
    await change(sql`update usage_hour set cost_nano_usd = cost_nano_usd + 1
      where hour = ${place.hour}::timestamptz and series_id = ${place.series_id}`);
    return { book: "hour", cause: "wrong_price", object: series(place) };
  },
  async (sql, place) => {
    await change(sql`update usage_event set cost_nano_usd = coalesce(cost_nano_usd, 0) + 7
      where at = ${place.at}::timestamptz and id = ${place.id}`);
    return { book: "hour", cause: "wrong_price", object: series(place) };
  },
  async (sql, place) => {
    // To the hour 01 or 23 of the day before, where this series has nothing.
    await change(sql`update usage_hour set hour = hour - interval '1000 days'
      where hour = ${place.hour}::timestamptz and series_id = ${place.series_id}`);
    return { book: "hour", cause: "lost", object: series(place) };
  },
  async (sql, place) => {
    await change(sql`update usage_hour h set hour = free.hour from (
        select ${place.day}::timestamp at time zone 'UTC' + n * interval '1 hour' as hour from generate_series(0, 23) as n
      ) as free
      where h.hour = ${place.hour}::timestamptz and h.series_id = ${place.series_id}
        and free.hour = (
          select min(g.hour) from (
            select ${place.day}::timestamp at time zone 'UTC' + n * interval '1 hour' as hour from generate_series(0, 23) as n
          ) as g where not exists (select from usage_hour o where o.hour = g.hour and o.series_id = ${place.series_id})
        )`);
    return { book: "hour", cause: "wrong_period", object: series(place) };
  },
  async (sql, place) => {
    await change(sql`update usage_hour set first_token = '{}', latency = latency[2:], output_tokens = output_tokens + 3
      where hour = ${place.hour}::timestamptz and series_id = ${place.series_id}`);
    return { book: "hour", cause: "rollup_drift", object: series(place) };
  },
  async (sql, place) => {
    await change(
      sql`update usage_day set requests = requests + 1 where day = ${place.day}::date and series_id = ${place.series_id}`,
    );
    return { book: "day", cause: "doubled", object: series(place) };
  },
  async (sql, place) => {
    await change(sql`update usage_day set last_at = last_at - interval '1 second'
      where day = ${place.day}::date and series_id = ${place.series_id}`);
    return { book: "day", cause: "rollup_drift", object: series(place) };
  },
];

/** Faults of days by key; each goes to a key and day of its own. */
export async function plantKeyFault(
  sql: postgres.Sql,
  place: { day: string; publicId: string },
): Promise<PlantedFault> {
  await change(sql`update usage_day_key set cost_nano_usd = cost_nano_usd - 1
    where day = ${place.day}::date and public_id = ${place.publicId}`);
  return { book: "day_key", cause: "wrong_price", object: `key:${place.publicId}` };
}

/** What is moved out of what is looked at counts as lost there; {@link bookFaults} has one of these. */
const isMovedAway = (plant: Plant): boolean => plant === bookFaults[4];

/**
 * Plants as many faults as there are, each in a series and a day of its own; faults of the ledger in parts of their own, on days that
 * have no other fault.
 */
export async function plantBookFaults(
  sql: postgres.Sql,
  random: SeededRandom,
  counts: { books: number; ledger: number },
  ledgerDays: readonly string[],
  /** Days into which the batches of those may reach. */
  spoiledDays: readonly string[],
): Promise<PlantedFault[]> {
  const places = await sql<Place[]>`
    select distinct on (series_id) h.hour::text, to_char(h.hour at time zone 'UTC', 'YYYY-MM-DD') as day, h.series_id::text, e.id,
      e.at::text, e.part_id::text, s.public_id
    from usage_hour h join usage_series s using (series_id)
      join lateral (
        select id, at, part_id from usage_event e
        where e.at >= h.hour and e.at < h.hour + interval '1 hour' and (e.public_id, e.model, e.endpoint, e.status, e.code, e.origin)
          = (s.public_id, s.model, s.endpoint, s.status, s.code, s.origin) and e.cost_nano_usd > 0 limit 1
      ) as e on true
    where not (to_char(h.hour at time zone 'UTC', 'YYYY-MM-DD') = any (${[...spoiledDays]}::text[])) and h.cost_nano_usd > 0
      -- Today is not computed.
      -- Nor has a day that is full an hour to move calls to.
      and 20 > (select count(*) from usage_hour o where o.series_id = h.series_id
        and (o.hour at time zone 'UTC')::date = (h.hour at time zone 'UTC')::date)
      and exists (select from usage_day d where d.day = (h.hour at time zone 'UTC')::date and d.series_id = h.series_id)
    order by series_id, h.hour`;
  const planted: PlantedFault[] = [];
  const free = [...places].sort(() => random.next() - 0.5);
  while (planted.length < counts.books) {
    const place = free.pop();
    if (place === undefined) throw new Error(`only ${planted.length} of ${counts.books} faults have a place`);
    const plant = bookFaults[planted.length % bookFaults.length] as Plant;
    if (isMovedAway(plant))
      await sql`select open_usage_rollups((${place.hour}::timestamptz - interval '1000 days')::date)`;
    planted.push({ ...(await plant(sql, place)), day: place.day, publicId: place.public_id });
  }
  const parts = await sql<Place[]>`
    select distinct on (part_id) e.id, e.at::text, e.part_id::text, '' as hour, '' as day, '' as series_id, public_id
    from usage_event e where to_char(at at time zone 'UTC', 'YYYY-MM-DD') = any (${[...ledgerDays]}::text[]) order by part_id`;
  for (let index = 0; index < counts.ledger; index++) {
    const place = parts[index];
    if (place === undefined) throw new Error(`only ${index} of ${counts.ledger} faults of the ledger have a part`);
    planted.push(await (ledgerFaults[index % ledgerFaults.length] as Plant)(sql, place));
  }
  return planted;
}

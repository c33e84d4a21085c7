import type pg from "pg";
import type { RefusalBatch } from "../../server/core/refusal-count.ts";
import { unknownNetworksMax } from "../usage-bounds.ts";

/** `$1` process, `$2` batch, `$3` counts and `$4` networks as JSON, `$5` networks of a day at most. */
const text = `with counted as (
  insert into usage_refusal
    (process, batch, position, hour, public_id, owner_id, model, endpoint, status, code, origin, key_tags, refusals)
  select $1::text, $2::bigint, c.position, timestamptz 'epoch' + c."hourMs" * interval '1 millisecond', c."publicId",
    c."ownerId", c.model, c.endpoint, c.status, c.code, c.origin, nullif(c."keyTags", '')::jsonb, c.refusals
  from rows from (json_to_recordset($3::json) as ("hourMs" bigint, "publicId" text, "ownerId" text, model text, endpoint text,
    status smallint, code text, origin text, "keyTags" text, refusals bigint)) with ordinality
    as c("hourMs", "publicId", "ownerId", model, endpoint, status, code, origin, "keyTags", refusals, position)
  on conflict do nothing
  returning 1
), named as (
  select (timestamptz 'epoch' + n."lastMs" * interval '1 millisecond') at time zone 'UTC' as last_at, n.*
  from json_to_recordset($4::json) as n(network text, attempts bigint, "firstMs" float8, "lastMs" float8)
), bounded as (
  select last_at::date as day, attempts, "firstMs", "lastMs",
    case when exists (select from usage_unknown_network u where u.day = last_at::date and u.network = named.network)
      or (select count(*) from usage_unknown_network u where u.day = last_at::date) < $5::integer
      then network else 'other' end as network
  from named
)
insert into usage_unknown_network as u (day, network, attempts, first_at, last_at)
select day, network, sum(attempts), timestamptz 'epoch' + min("firstMs") * interval '1 millisecond',
  timestamptz 'epoch' + max("lastMs") * interval '1 millisecond'
from bounded where exists (select from counted)
group by day, network order by day, network
on conflict (day, network) do update set attempts = u.attempts + excluded.attempts,
  first_at = least(u.first_at, excluded.first_at), last_at = greatest(u.last_at, excluded.last_at)`;

/**
 * Stores what a process counted of refusals. Belongs last into the transaction that stores its events: a network's row may be one
 * that others wait for. A batch that is stored already is left out whole.
 */
export async function insertRefusals(client: pg.Client, process: string, batch: RefusalBatch): Promise<void> {
  await client.query({
    name: "insert-refusals",
    text,
    values: [process, batch.batch, JSON.stringify(batch.counts), JSON.stringify(batch.networks), unknownNetworksMax],
  });
}

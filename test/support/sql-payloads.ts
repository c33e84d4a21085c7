import type { SeededRandom } from "./seeded-random.ts";

const shapes = [
  "' or '1'='1' -- ",
  "'; drop table api_key; -- ",
  '"; select pg_sleep(5); -- ',
  "') union select digest, null from api_key_secret -- ",
  "1; update api_key set state = 'active'",
  "' || (select version()) || '",
  "\\'; select 1; --",
  "$$; select 1; $$",
  "$1::text) or true --",
  "/* */ or 1=1 /*",
  "%' or '1' like '1",
  "' and 1 = cast((select current_user) as int) -- ",
  "'; copy api_key to program 'id'; -- ",
  "ʼ; select 1; --",
  "' or strpos(alias, 'a') > 0 or '",
  'x\'::jsonb || \'{"a":"b"}\'::jsonb --',
  "day', now(), 'UTC') from pg_user --",
  "(select 1 from pg_sleep(5))",
  "'\"`;--",
  "1e1 union all select null,null,null",
];

/** A text that would change a statement that it got into, around a mark that is nowhere else. */
export function makeSqlPayload(random: SeededRandom): { text: string; mark: string } {
  const mark = `zq${random.integer(2 ** 31).toString(36)}x${random.integer(2 ** 31).toString(36)}`;
  const [before, after] = [random.pick(shapes), random.pick(shapes)];
  const text = random.pick([`${mark}${before}`, `${before}${mark}`, `${before}${mark}${after}`]);
  return { text, mark };
}

-- Prices that admins stored, one for each model; they win over the config file and the catalogue. `body` has the rates as
-- the admin API takes them: USD per million tokens, as decimal texts.
create table model_price (
  id text primary key,
  model text not null unique,
  body jsonb not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  updated_by text not null
);
--> statement-breakpoint
-- A change that is typed by hand is heard too.
create function notify_model_price_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('model_price_changed', '');
  return null;
end $$;
--> statement-breakpoint
create trigger model_price_changed after insert or update or delete or truncate on model_price
  for each statement execute function notify_model_price_changed();
--> statement-breakpoint
-- One row per re-rating that was asked for. Events before (`next_at`, `next_id`) are done; it moves in the transaction of
-- what was done, so that a run that was killed goes on where it stood.
create table rerate_run (
  run_id bigint generated always as identity primary key,
  actor text not null,
  from_at timestamptz not null,
  to_at timestamptz not null,
  models text[],
  with_budgets boolean not null,
  created_at timestamptz not null default now(),
  next_at timestamptz,
  next_id uuid,
  events bigint not null default 0,
  delta_nano_usd bigint not null default 0,
  finished_at timestamptz,
  check (from_at < to_at)
);
--> statement-breakpoint
create index rerate_run_open on rerate_run (run_id) where finished_at is null;
--> statement-breakpoint
-- What a later price changes in the cost of an event, which itself never changes: its cost is its own and the sum of these.
-- `was_unpriced`: it had no cost before. `budget_windows`: the windows that were charged the difference too, with commas; null: none.
create table usage_adjustment (
  at timestamptz not null,
  event_id uuid not null,
  adjustment_id bigint generated always as identity,
  run_id bigint not null references rerate_run,
  delta_nano_usd bigint not null,
  was_unpriced boolean not null,
  old_price_id text not null,
  new_price_id text not null,
  budget_windows text,
  created_at timestamptz not null default now(),
  primary key (at, event_id, adjustment_id)
);
--> statement-breakpoint
create trigger usage_adjustment_append_only before update on usage_adjustment for each row execute function refuse_change();
--> statement-breakpoint
create trigger usage_adjustment_no_truncate before truncate on usage_adjustment for each statement execute function refuse_change();
--> statement-breakpoint
create function refuse_adjustment_delete() returns trigger language plpgsql as $$
begin
  if to_regclass('public.usage_event_' || to_char(old.at at time zone 'UTC', 'YYYYMMDD')) is not null then
    raise exception 'DELETE of usage_adjustment % is refused: its event is still there', old.adjustment_id
      using errcode = 'restrict_violation';
  end if;
  return old;
end $$;
--> statement-breakpoint
create trigger usage_adjustment_keep before delete on usage_adjustment for each row execute function refuse_adjustment_delete();
--> statement-breakpoint
-- Deletes at most rows_max adjustments of days before that one whose events are gone. With its owner's rights, as
-- delete_usage_parts has them.
create function delete_usage_adjustments(before_day date, rows_max integer) returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  deleted integer;
begin
  delete from public.usage_adjustment where (at, event_id, adjustment_id) in (
    select at, event_id, adjustment_id from public.usage_adjustment a
    where at < before_day::timestamp at time zone 'UTC'
      and to_regclass('public.usage_event_' || to_char(a.at at time zone 'UTC', 'YYYYMMDD')) is null
    order by at
    limit rows_max
    for update skip locked
  );
  get diagnostics deleted = row_count;
  return deleted;
end $$;
--> statement-breakpoint
revoke execute on function delete_usage_adjustments(date, integer) from public;

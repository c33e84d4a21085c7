-- Sums of days are read from the index alone: sketches make rows ten times as long, and only percentiles need them.
alter table usage_day drop constraint usage_day_pkey;
--> statement-breakpoint
alter table usage_day add primary key (day, series_id) include (requests, errors, refusals, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
  input_audio_tokens, output_audio_tokens, cost_nano_usd, unpriced_requests, bytes_in, bytes_out, first_at, last_at);
--> statement-breakpoint
alter table usage_day_key drop constraint usage_day_key_pkey;
--> statement-breakpoint
alter table usage_day_key add primary key (day, public_id, owner_id) include (requests, errors, refusals, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
  input_audio_tokens, output_audio_tokens, cost_nano_usd, unpriced_requests, bytes_in, bytes_out, first_at, last_at);
--> statement-breakpoint
do $$
declare
  partition_name regclass;
begin
  for partition_name in
    select inhrelid::regclass from pg_inherits where inhparent in ('public.usage_day'::regclass, 'public.usage_day_key'::regclass)
  loop
    execute format('alter table %s reset (toast_tuple_target)', partition_name);
    execute format('alter table %s set (autovacuum_vacuum_insert_threshold = 100, autovacuum_vacuum_insert_scale_factor = 0)', partition_name);
  end loop;
end $$;
--> statement-breakpoint
-- Creates the partitions of hours and days of one month. Safe to run twice and at once; built apart and attached, so that
-- readers and merges go on.
create or replace function open_usage_rollups(month date) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  first_day date := date_trunc('month', month::timestamp)::date;
  next_month date := (date_trunc('month', month::timestamp) + interval '1 month')::date;
  parent text;
  partition_name text;
  suffix text;
  opened boolean := false;
begin
  perform pg_advisory_xact_lock(hashtext('tollgate.usage_hour.partition'));
  foreach parent in array array['usage_hour', 'usage_day', 'usage_day_key'] loop
    partition_name := parent || '_' || to_char(first_day, 'YYYYMM');
    suffix := case parent when 'usage_hour' then ' 00:00:00+00' else '' end;
    continue when exists (
      select from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = ('public.' || parent)::regclass and c.relname = partition_name
    );
    -- Half of an hour's rows are updated while it lasts. Days are written once: vacuum then lets readers stay in the index.
    execute format('create table public.%I (like public.%I including all) with (%s)', partition_name, parent,
      case parent when 'usage_hour' then 'fillfactor = 70'
        else 'autovacuum_vacuum_insert_threshold = 100, autovacuum_vacuum_insert_scale_factor = 0' end);
    execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)', parent, partition_name,
      to_char(first_day, 'YYYY-MM-DD') || suffix, to_char(next_month, 'YYYY-MM-DD') || suffix);
    opened := true;
  end loop;
  return opened;
end $$;

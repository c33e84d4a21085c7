CREATE TABLE "audit_entry" (
	"seq" bigint PRIMARY KEY NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"object_type" text NOT NULL,
	"object_id" text NOT NULL,
	"owner_id" text,
	"before" jsonb,
	"after" jsonb,
	"ip" text NOT NULL,
	"request_id" text NOT NULL,
	"previous_hash" "bytea" NOT NULL,
	"hash" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE INDEX "audit_entry_at" ON "audit_entry" USING btree ("at");--> statement-breakpoint
CREATE INDEX "audit_entry_actor" ON "audit_entry" USING btree ("actor","seq");--> statement-breakpoint
CREATE INDEX "audit_entry_object" ON "audit_entry" USING btree ("object_type","object_id","seq");--> statement-breakpoint
-- A field of the hashed text: its length in bytes, a colon, the text; a dash for null. No two lists of fields give one text.
create function make_audit_field(field text) returns text language sql immutable parallel safe as $$
  select case when field is null then '-' else octet_length(convert_to(field, 'UTF8')) || ':' || field end
$$;
--> statement-breakpoint
-- Appends to the chain. The lock is held to the end of the transaction, so that numbers follow the order of commits and
-- nobody waits for a row lock while holding it: write audit rows last. Runs with its owner's rights, so that a role that
-- may do nothing else to the table can append.
create function insert_audit_entry(
  actor text, action text, object_type text, object_id text, owner_id text, before jsonb, after jsonb, ip text, request_id text
) returns bigint language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  last_seq bigint;
  last_hash bytea;
  entry_at timestamptz(3);
begin
  perform pg_advisory_xact_lock(hashtext('tollgate.audit_entry'));
  -- A statement of its own: it sees what was committed while the lock was waited for.
  select e.seq, e.hash into last_seq, last_hash from public.audit_entry e order by e.seq desc limit 1;
  last_seq := coalesce(last_seq, 0) + 1;
  last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
  entry_at := clock_timestamp();
  insert into public.audit_entry
  values (last_seq, entry_at, actor, action, object_type, object_id, owner_id, before, after, ip, request_id, last_hash,
    sha256(convert_to(
      public.make_audit_field('tollgate-audit-1') || public.make_audit_field(last_seq::text)
      || public.make_audit_field(to_char(entry_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      || public.make_audit_field(actor) || public.make_audit_field(action) || public.make_audit_field(object_type)
      || public.make_audit_field(object_id) || public.make_audit_field(owner_id) || public.make_audit_field(before::text)
      || public.make_audit_field(after::text) || public.make_audit_field(ip) || public.make_audit_field(request_id)
      || public.make_audit_field(encode(last_hash, 'hex')), 'UTF8')));
  return last_seq;
end $$;
--> statement-breakpoint
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: its rows are only ever added', tg_op, tg_table_name using errcode = 'restrict_violation';
end $$;
--> statement-breakpoint
create trigger audit_entry_append_only before update or delete or truncate on audit_entry
  for each statement execute function refuse_change();
--> statement-breakpoint
-- Also where triggers are off for a session (session_replication_role), as a restore or a replication does it.
alter table audit_entry enable always trigger audit_entry_append_only;
--> statement-breakpoint
-- A row trigger is cloned to every partition, those that come later too; one for TRUNCATE is not. Whole partitions are
-- dropped by retention, which no trigger sees.
create trigger usage_event_append_only before update or delete on usage_event for each row execute function refuse_change();
--> statement-breakpoint
create trigger usage_event_no_truncate before truncate on usage_event for each statement execute function refuse_change();
--> statement-breakpoint
do $$
declare
  partition_name regclass;
begin
  for partition_name in select inhrelid::regclass from pg_inherits where inhparent = 'usage_event'::regclass loop
    execute format('create trigger usage_event_no_truncate before truncate on %s for each statement execute function refuse_change()',
      partition_name);
  end loop;
end $$;
--> statement-breakpoint
create or replace function open_usage_partition(day date) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  partition_name text := 'usage_event_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass('public.' || partition_name) is not null then return false; end if;
  perform pg_advisory_xact_lock(hashtext('tollgate.usage_event.partition'));
  -- to_regclass would answer from a cache that does not know what was created while this waited.
  if exists (
    select from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.usage_event'::regclass and c.relname = partition_name
  ) then return false; end if;
  execute format('create table public.%I (like public.usage_event including defaults including constraints)', partition_name);
  execute format('create trigger usage_event_no_truncate before truncate on public.%I for each statement execute function public.refuse_change()',
    partition_name);
  execute format('alter table public.usage_event attach partition public.%I for values from (%L) to (%L)', partition_name,
    to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
  return true;
end $$;
--> statement-breakpoint
-- Drops a day that is over, unless a part that reaches into it is not merged yet: then nothing is done and false returned.
-- The check and the drop are under a lock that ingest would need; set lock_timeout. With its owner's rights, because only
-- the owner of a table may drop it.
create function drop_usage_partition(day date) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  if day >= (now() at time zone 'UTC')::date then
    raise exception 'the day % is not over', day using errcode = 'restrict_violation';
  end if;
  lock table only public.usage_event in access exclusive mode;
  if exists (
    select from public.usage_part
    where merged_at is null and first_at < (day + 1)::timestamp at time zone 'UTC' and last_at >= day::timestamp at time zone 'UTC'
  ) then return false; end if;
  execute format('drop table if exists public.%I', 'usage_event_' || to_char(day, 'YYYYMMDD'));
  return true;
end $$;
--> statement-breakpoint
-- What a batch held is never changed; that it was merged is noted. Its row goes only after its events, by retention.
create trigger usage_part_append_only before update on usage_part for each row
  when ((old.part_id, old.process, old.events, old.first_at, old.last_at, old.created_at)
    is distinct from (new.part_id, new.process, new.events, new.first_at, new.last_at, new.created_at))
  execute function refuse_change();
--> statement-breakpoint
create function refuse_part_delete() returns trigger language plpgsql as $$
begin
  if old.merged_at is null
    or to_regclass('public.usage_event_' || to_char(old.first_at at time zone 'UTC', 'YYYYMMDD')) is not null
    or to_regclass('public.usage_event_' || to_char(old.last_at at time zone 'UTC', 'YYYYMMDD')) is not null then
    raise exception 'DELETE of usage_part % is refused: its events are still there', old.part_id using errcode = 'restrict_violation';
  end if;
  return old;
end $$;
--> statement-breakpoint
create trigger usage_part_keep before delete on usage_part for each row execute function refuse_part_delete();
--> statement-breakpoint
create trigger usage_part_no_truncate before truncate on usage_part for each statement execute function refuse_change();
--> statement-breakpoint
-- Deletes at most rows_max rows of merged parts that end before a day and whose events are gone. The oldest day that may
-- still hold events is the caller's to say; the trigger above keeps what it must.
create function delete_usage_parts(before_day date, rows_max integer) returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  deleted integer;
begin
  delete from public.usage_part where part_id in (
    select part_id from public.usage_part p
    where merged_at is not null and last_at < before_day::timestamp at time zone 'UTC'
      and to_regclass('public.usage_event_' || to_char(p.first_at at time zone 'UTC', 'YYYYMMDD')) is null
      and to_regclass('public.usage_event_' || to_char(p.last_at at time zone 'UTC', 'YYYYMMDD')) is null
    limit rows_max
    for update skip locked
  );
  get diagnostics deleted = row_count;
  return deleted;
end $$;
--> statement-breakpoint
-- These run with their owner's rights: nobody gets them unasked.
revoke execute on function insert_audit_entry(text, text, text, text, text, jsonb, jsonb, text, text) from public;
--> statement-breakpoint
revoke execute on function open_usage_partition(date) from public;
--> statement-breakpoint
revoke execute on function drop_usage_partition(date) from public;
--> statement-breakpoint
revoke execute on function delete_usage_parts(date, integer) from public;

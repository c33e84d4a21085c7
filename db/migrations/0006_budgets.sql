-- The budgets that a call was charged to, as a list of window ids with commas; null: none. Their sum over all events is
-- what the windows have settled.
alter table usage_event add column budget_windows text;
--> statement-breakpoint
-- One row per budget and period. `limit + extra - settled - leased` is what nobody holds. Half-empty pages: nearly every
-- update stays on its page (99.9 % at 6,000 events a second).
create table budget_window (
  window_id text primary key,
  level text not null,
  subject text not null,
  period text not null,
  timezone text not null,
  starts_at timestamptz not null,
  ends_at timestamptz,
  limit_nano_usd bigint not null,
  terms_version bigint not null,
  extra_nano_usd bigint not null default 0,
  settled_nano_usd bigint not null default 0,
  leased_nano_usd bigint not null default 0 check (leased_nano_usd >= 0),
  closed_at timestamptz
) with (fillfactor = 30);
--> statement-breakpoint
create index budget_window_subject on budget_window (level, subject, starts_at desc);
--> statement-breakpoint
create index budget_window_open on budget_window (ends_at) where closed_at is null;
--> statement-breakpoint
-- One row per incarnation of a gateway process. `seq` refuses an operation that arrives after a later one.
create table budget_process (
  process text primary key,
  seq bigint not null default 0,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  silent_at timestamptz,
  closed_at timestamptz
) with (fillfactor = 50);
--> statement-breakpoint
-- What a process holds of a window. Both amounts only grow but for what is given back: `amount` was granted, `drawn` is
-- settled already.
create table budget_lease (
  process text not null,
  window_id text not null,
  amount_nano_usd bigint not null,
  drawn_nano_usd bigint not null default 0,
  primary key (process, window_id),
  check (drawn_nano_usd <= amount_nano_usd)
) with (fillfactor = 50);
--> statement-breakpoint
-- Leases that were charged because their process will never tell what it spent. Shrinks by what that process tells after all.
create table budget_write_off (
  process text not null,
  window_id text not null,
  amount_nano_usd bigint not null check (amount_nano_usd >= 0),
  created_at timestamptz not null default now(),
  primary key (process, window_id)
);
--> statement-breakpoint
-- Makes windows that are new. Alone in its transaction: it waits for nobody who waits for a row that it holds.
create function open_budget_windows(
  d_window text[], d_level text[], d_subject text[], d_period text[], d_timezone text[],
  d_starts_ms bigint[], d_ends_ms bigint[], d_limit bigint[], d_version bigint[]
) returns void language sql as $$
  insert into budget_window
    (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, terms_version)
  select d.win, d.level, d.subject, d.period, d.timezone, to_timestamp(d.starts_ms / 1000.0),
    to_timestamp(d.ends_ms / 1000.0), d.lim, d.version
  from unnest(d_window, d_level, d_subject, d_period, d_timezone, d_starts_ms, d_ends_ms, d_limit, d_version)
    as d(win, level, subject, period, timezone, starts_ms, ends_ms, lim, version)
  order by d.win
  on conflict do nothing
$$;
--> statement-breakpoint
-- Gives back and takes for all waiters of one process at once. A group names the windows of one kind of call: it gets at
-- least `min` in each of them, or nothing in any. Beyond that it gets what its waiters need in all, and a surplus that shrinks with
-- the rest (`rest / share`). Answers absolute amounts, so that an answer that was lost is made good by the next one.
-- Windows are locked in their order, by a statement of its own: an update that locks as it goes deadlocked 20 times in 57.
-- Row by row and by index, never by a join: its plan would be that of the day when the table was small (50 ms for 165 windows
-- beside 6,800 leases, against 10 ms).
create function lease_budgets(
  p_process text, p_seq bigint, p_share integer, p_notify boolean,
  t_window text[], t_limit bigint[], t_version bigint[],
  r_window text[], r_amount bigint[],
  g_group integer[], g_window text[], g_min bigint[], g_all bigint[], g_want bigint[]
) returns table (
  window_id text, amount_nano_usd bigint, drawn_nano_usd bigint, rest_nano_usd bigint, spendable_nano_usd bigint,
  refused integer[]
) language plpgsql set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_all text[] := t_window || r_window || g_window;
  v_size integer := cardinality(g_group);
  v_first integer := 1;
  v_last integer;
  v_rest bigint;
  v_rests bigint[];
  v_grant bigint;
  v_is_blocked boolean;
  v_blocked text[] := '{}';
  v_refused integer[] := '{}';
begin
  update budget_process set seq = p_seq, seen_at = now(), silent_at = null
    where process = p_process and seq < p_seq and closed_at is null;
  if not found then
    if exists (select from budget_process where process = p_process and closed_at is null) then
      raise exception 'a later operation of this process was there already' using errcode = 'TG002';
    end if;
    raise exception 'the process % is closed', p_process using errcode = 'TG001';
  end if;
  perform 1 from budget_window b where b.window_id = any (v_all) order by b.window_id for update;
  for v_index in 1 .. cardinality(t_window) loop
    update budget_window b set limit_nano_usd = t_limit[v_index], terms_version = t_version[v_index]
      where b.window_id = t_window[v_index] and t_version[v_index] >= b.terms_version
        and (t_limit[v_index] <> b.limit_nano_usd or t_version[v_index] <> b.terms_version);
  end loop;
  for v_index in 1 .. cardinality(r_window) loop
    update budget_lease l set amount_nano_usd = l.amount_nano_usd - r_amount[v_index]
      where l.process = p_process and l.window_id = r_window[v_index]
        and l.amount_nano_usd - r_amount[v_index] >= l.drawn_nano_usd;
    if found then
      update budget_window b set leased_nano_usd = b.leased_nano_usd - r_amount[v_index]
        where b.window_id = r_window[v_index];
    end if;
  end loop;
  -- The windows of a group stand side by side.
  while v_first <= v_size loop
    v_last := v_first;
    while v_last < v_size and g_group[v_last + 1] = g_group[v_first] loop v_last := v_last + 1; end loop;
    v_is_blocked := false;
    v_rests := '{}';
    for v_index in v_first .. v_last loop
      select b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd - b.leased_nano_usd into v_rest
        from budget_window b where b.window_id = g_window[v_index];
      if v_rest is null or v_rest < g_min[v_index] then
        v_is_blocked := true;
        v_blocked := v_blocked || g_window[v_index];
      end if;
      v_rests := v_rests || v_rest;
    end loop;
    if v_is_blocked then
      v_refused := v_refused || g_group[v_first];
    else
      for v_index in v_first .. v_last loop
        v_rest := v_rests[v_index - v_first + 1];
        v_grant := greatest(g_min[v_index], least(g_all[v_index], v_rest), least(g_want[v_index], v_rest / p_share));
        continue when v_grant <= 0;
        update budget_window b set leased_nano_usd = b.leased_nano_usd + v_grant where b.window_id = g_window[v_index];
        insert into budget_lease as l (process, window_id, amount_nano_usd)
          values (p_process, g_window[v_index], v_grant)
          on conflict (process, window_id) do update set amount_nano_usd = l.amount_nano_usd + v_grant;
      end loop;
    end if;
    v_first := v_last + 1;
  end loop;
  if p_notify then
    perform pg_notify('budget_pressure', p_process || ' ' || b.window_id)
      from budget_window b where b.window_id = any (v_blocked) and b.leased_nano_usd > 0;
  end if;
  return query
    select b.window_id, coalesce(l.amount, 0), coalesce(l.drawn, 0),
      b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd - b.leased_nano_usd,
      b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd, v_refused
    from budget_window b
    -- `offset 0`: looked up for each window by itself.
    left join lateral (
      select i.amount_nano_usd as amount, i.drawn_nano_usd as drawn from budget_lease i
      where i.process = p_process and i.window_id = b.window_id offset 0
    ) l on true
    where b.window_id = any (v_all);
end $$;
--> statement-breakpoint
-- Charges a batch of events to their windows; `p_drawn` is what of each charge was held for it. Belongs into the
-- transaction that stores the events. What is charged late, by a process whose leases were freed, is charged all the same, and
-- is taken off what was written off for that process.
create function settle_budgets(p_process text, p_window text[], p_cost bigint[], p_drawn bigint[])
returns void language plpgsql set enable_seqscan = off as $$
declare
  v_is_leased boolean;
  v_written_off bigint;
begin
  if p_window is null then return; end if;
  -- Waits for whoever closes this process, and keeps him waiting.
  perform 1 from budget_process where process = p_process for share;
  perform 1 from budget_window b where b.window_id = any (p_window) order by b.window_id for update;
  for v_index in 1 .. cardinality(p_window) loop
    update budget_lease l set drawn_nano_usd = l.drawn_nano_usd + p_drawn[v_index]
      where l.process = p_process and l.window_id = p_window[v_index];
    v_is_leased := found;
    v_written_off := 0;
    if not v_is_leased then
      select least(p_cost[v_index], o.amount_nano_usd) into v_written_off
        from budget_write_off o where o.process = p_process and o.window_id = p_window[v_index];
      v_written_off := coalesce(v_written_off, 0);
      update budget_write_off o set amount_nano_usd = o.amount_nano_usd - v_written_off
        where o.process = p_process and o.window_id = p_window[v_index];
    end if;
    update budget_window b set
      settled_nano_usd = b.settled_nano_usd + p_cost[v_index] - v_written_off,
      leased_nano_usd = b.leased_nano_usd - case when v_is_leased then p_drawn[v_index] else 0 end
      where b.window_id = p_window[v_index];
  end loop;
end $$;
--> statement-breakpoint
-- Ends a process whose calls are all stored: what it still holds is free again. With `p_write_off` what it still holds is
-- charged: nobody knows what it spent. Answers that amount; harmless when it is called again.
create function close_budget_process(p_process text, p_write_off boolean)
returns bigint language plpgsql as $$
declare
  v_held bigint;
begin
  update budget_process set closed_at = coalesce(closed_at, now()) where process = p_process;
  perform 1 from budget_window b
    where b.window_id in (select l.window_id from budget_lease l where l.process = p_process)
    order by b.window_id for update;
  select coalesce(sum(amount_nano_usd - drawn_nano_usd), 0) into v_held from budget_lease where process = p_process;
  update budget_window b set
    leased_nano_usd = b.leased_nano_usd - (l.amount_nano_usd - l.drawn_nano_usd),
    settled_nano_usd = b.settled_nano_usd
      + case when p_write_off then l.amount_nano_usd - l.drawn_nano_usd else 0 end
    from budget_lease l where l.process = p_process and l.window_id = b.window_id;
  if p_write_off then
    insert into budget_write_off (process, window_id, amount_nano_usd)
      select process, window_id, amount_nano_usd - drawn_nano_usd from budget_lease
      where process = p_process and amount_nano_usd > drawn_nano_usd
      on conflict do nothing;
  end if;
  delete from budget_lease where process = p_process;
  return v_held;
end $$;

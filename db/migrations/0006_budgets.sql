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
-- the rest (`rest / share`). Groups are served one after the other, or, where no two of them share a window (`p_apart`), all in one
-- statement, which takes hundreds of them in the time of ten. Answers absolute amounts, so that an answer that was lost is made good by the next one.
-- Windows are locked in their order, by a statement of its own: an update that locks as it goes deadlocked 20 times in 57.
create function lease_budgets(
  p_process text, p_seq bigint, p_share integer, p_notify boolean, p_apart boolean,
  t_window text[], t_limit bigint[], t_version bigint[],
  r_window text[], r_amount bigint[],
  g_group integer[], g_window text[], g_min bigint[], g_all bigint[], g_want bigint[]
) returns table (
  window_id text, amount_nano_usd bigint, drawn_nano_usd bigint, rest_nano_usd bigint, spendable_nano_usd bigint,
  refused integer[]
) language plpgsql as $$
#variable_conflict use_column
declare
  v_group integer;
  v_blocked text[];
  v_all_blocked text[] := '{}';
  v_refused integer[] := '{}';
  v_grant bigint;
  w record;
begin
  update budget_process set seq = p_seq, seen_at = now(), silent_at = null
    where process = p_process and seq < p_seq and closed_at is null;
  if not found then
    if exists (select from budget_process where process = p_process and closed_at is null) then
      raise exception 'a later operation of this process was there already' using errcode = 'TG002';
    end if;
    raise exception 'the process % is closed', p_process using errcode = 'TG001';
  end if;
  perform 1 from budget_window b where b.window_id = any (t_window || r_window || g_window)
    order by b.window_id for update;
  update budget_window b set limit_nano_usd = t.lim, terms_version = t.version
    from unnest(t_window, t_limit, t_version) as t(win, lim, version)
    where b.window_id = t.win and t.version >= b.terms_version
      and (t.lim <> b.limit_nano_usd or t.version <> b.terms_version);
  with given as (
    update budget_lease l set amount_nano_usd = l.amount_nano_usd - r.amount
      from unnest(r_window, r_amount) as r(win, amount)
      where l.process = p_process and l.window_id = r.win and l.amount_nano_usd - r.amount >= l.drawn_nano_usd
      returning l.window_id, r.amount
  )
  update budget_window b set leased_nano_usd = b.leased_nano_usd - given.amount
    from given where b.window_id = given.window_id;
  if p_apart then
    select coalesce(array_agg(distinct x.no), '{}'), coalesce(array_agg(x.win), '{}') into v_refused, v_all_blocked
      from unnest(g_group, g_window, g_min) as x(no, win, mn) left join budget_window b on b.window_id = x.win
      where b.window_id is null
        or b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd - b.leased_nano_usd < x.mn;
    with stood as (
      select x.*, b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd - b.leased_nano_usd as rest
      from unnest(g_group, g_window, g_min, g_all, g_want) as x(no, win, mn, al, wt)
      join budget_window b on b.window_id = x.win where x.no <> all (v_refused)
    ),
    granted as (
      select s.win, greatest(s.mn, least(s.al, s.rest), least(s.wt, s.rest / p_share)) as amount from stood s
    ),
    taken as (
      update budget_window b set leased_nano_usd = b.leased_nano_usd + g.amount
      from granted g where b.window_id = g.win and g.amount > 0 returning b.window_id, g.amount
    )
    insert into budget_lease as l (process, window_id, amount_nano_usd)
      select p_process, t.window_id, t.amount from taken t
      on conflict (process, window_id) do update set amount_nano_usd = l.amount_nano_usd + excluded.amount_nano_usd;
  else
    for v_group in select distinct x from unnest(g_group) x order by x loop
      select coalesce(array_agg(x.win), '{}') into v_blocked
        from unnest(g_group, g_window, g_min) as x(no, win, mn) left join budget_window b on b.window_id = x.win
        where x.no = v_group and (b.window_id is null
          or b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd - b.leased_nano_usd < x.mn);
      if cardinality(v_blocked) > 0 then
        v_refused := v_refused || v_group;
        v_all_blocked := v_all_blocked || v_blocked;
        continue;
      end if;
      for w in
        select x.win, x.mn, x.al, x.wt,
          b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd - b.leased_nano_usd as rest
        from unnest(g_group, g_window, g_min, g_all, g_want) as x(no, win, mn, al, wt)
        join budget_window b on b.window_id = x.win where x.no = v_group
      loop
        v_grant := greatest(w.mn, least(w.al, w.rest), least(w.wt, w.rest / p_share));
        continue when v_grant <= 0;
        update budget_window b set leased_nano_usd = b.leased_nano_usd + v_grant where b.window_id = w.win;
        insert into budget_lease as l (process, window_id, amount_nano_usd) values (p_process, w.win, v_grant)
          on conflict (process, window_id) do update set amount_nano_usd = l.amount_nano_usd + v_grant;
      end loop;
    end loop;
  end if;
  if p_notify then
    perform pg_notify('budget_pressure', p_process || ' ' || x.win) from (select distinct u as win from unnest(v_all_blocked) u) x
      join budget_window b on b.window_id = x.win where b.leased_nano_usd > 0;
  end if;
  return query
    select b.window_id, coalesce(l.amount_nano_usd, 0), coalesce(l.drawn_nano_usd, 0),
      b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd - b.leased_nano_usd,
      b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd, v_refused
    from budget_window b left join budget_lease l on l.window_id = b.window_id and l.process = p_process
    where b.window_id = any (t_window || r_window || g_window);
end $$;
--> statement-breakpoint
-- Charges a batch of events to their windows; `p_drawn` is what of each charge was held for it. Belongs into the
-- transaction that stores the events. What is charged late, by a process whose leases were freed, is charged all the same, and
-- is taken off what was written off for that process.
create function settle_budgets(p_process text, p_window text[], p_cost bigint[], p_drawn bigint[])
returns void language plpgsql as $$
begin
  if p_window is null then return; end if;
  -- Waits for whoever closes this process, and keeps him waiting.
  perform 1 from budget_process where process = p_process for share;
  perform 1 from budget_window b where b.window_id = any (p_window) order by b.window_id for update;
  update budget_window b set
    settled_nano_usd = b.settled_nano_usd + x.cost - case when l.window_id is null then least(x.cost, coalesce(o.amount_nano_usd, 0)) else 0 end,
    leased_nano_usd = b.leased_nano_usd - case when l.window_id is null then 0 else x.drawn end
    from unnest(p_window, p_cost, p_drawn) as x(win, cost, drawn)
    left join budget_lease l on l.process = p_process and l.window_id = x.win
    left join budget_write_off o on o.process = p_process and o.window_id = x.win
    where b.window_id = x.win;
  update budget_lease l set drawn_nano_usd = l.drawn_nano_usd + x.drawn
    from unnest(p_window, p_drawn) as x(win, drawn) where l.process = p_process and l.window_id = x.win;
  update budget_write_off o set amount_nano_usd = o.amount_nano_usd - least(x.cost, o.amount_nano_usd)
    from unnest(p_window, p_cost) as x(win, cost)
    where o.process = p_process and o.window_id = x.win
      and not exists (select from budget_lease l where l.process = p_process and l.window_id = x.win);
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

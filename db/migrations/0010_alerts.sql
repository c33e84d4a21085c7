-- Where messages go. What a webhook's URL and secret are is sealed (server/platform/seal.ts); `target_shown` is what lists show.
create table webhook (
  id text primary key,
  kind text not null check (kind in ('standard', 'slack', 'email')),
  name text not null,
  target_sealed bytea not null,
  target_shown text not null,
  secret_sealed bytea,
  previous_secret_sealed bytea,
  previous_secret_until timestamptz(3),
  secret_rotated_at timestamptz(3),
  enabled boolean not null default true,
  created_at timestamptz(3) not null default now(),
  created_by text not null
);
--> statement-breakpoint
-- The outbox: a row is written in the transaction of what it tells, and leaves by the job `deliver-webhooks`. `body` is text, so
-- that what was signed is what is sent at every try.
create table webhook_delivery (
  id text primary key,
  webhook_id text not null references webhook on delete cascade,
  event text not null,
  body text not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'parked')),
  attempts integer not null default 0,
  created_at timestamptz(3) not null,
  due_at timestamptz(3) not null,
  give_up_at timestamptz(3) not null,
  tried_at timestamptz(3),
  delivered_at timestamptz(3),
  last_status integer,
  last_error text
);
--> statement-breakpoint
create index webhook_delivery_due on webhook_delivery (due_at) where state = 'pending';
--> statement-breakpoint
create index webhook_delivery_newest on webhook_delivery (webhook_id, created_at desc, id desc);
--> statement-breakpoint
create index webhook_delivery_done on webhook_delivery (created_at) where state <> 'pending';
--> statement-breakpoint
create table alert_rule (
  id text primary key,
  body jsonb not null,
  created_at timestamptz(3) not null default now(),
  created_by text not null
);
--> statement-breakpoint
-- What a rule found. One open row for a rule and a subject: however often it is found, it is one incident.
create table alert_incident (
  id text primary key,
  rule_id text not null references alert_rule on delete cascade,
  subject text not null,
  public_id text,
  title text not null,
  details jsonb not null,
  level integer not null,
  opened_at timestamptz(3) not null,
  seen_at timestamptz(3) not null,
  resolved_at timestamptz(3),
  announced_level integer,
  resolve_announced boolean not null default false,
  acknowledged_at timestamptz(3),
  acknowledged_by text,
  action text not null default 'none' check (action in ('none', 'throttle', 'disable')),
  acted_at timestamptz(3),
  action_rule_id text
);
--> statement-breakpoint
create unique index alert_incident_open on alert_incident (rule_id, subject) where resolved_at is null;
--> statement-breakpoint
create index alert_incident_newest on alert_incident (opened_at desc, id desc);
--> statement-breakpoint
create index alert_incident_unannounced on alert_incident (rule_id) where resolved_at is not null and not resolve_announced;
--> statement-breakpoint
-- One row per job: what its last run was, so that any process can tell. Half-empty pages, as each run updates its row.
create table job_state (
  job text primary key,
  queue text not null,
  schedule text not null,
  next_run_at timestamptz(3),
  started_at timestamptz(3),
  ended_at timestamptz(3),
  outcome text check (outcome in ('completed', 'failed', 'retried', 'returned')),
  duration_ms double precision,
  lag_ms double precision,
  progress integer,
  result jsonb,
  error text,
  runs bigint not null default 0,
  failures bigint not null default 0,
  requested_at timestamptz(3),
  requested_by text
) with (fillfactor = 50);
--> statement-breakpoint
create policy tenant on webhook using (current_setting('tollgate.tenant', true) = '*');
--> statement-breakpoint
create policy tenant on webhook_delivery using (current_setting('tollgate.tenant', true) = '*');
--> statement-breakpoint
create policy tenant on alert_rule using (current_setting('tollgate.tenant', true) = '*');
--> statement-breakpoint
create policy tenant on alert_incident using (current_setting('tollgate.tenant', true) = '*');

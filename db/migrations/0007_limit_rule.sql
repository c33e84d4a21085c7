CREATE TABLE "limit_rule" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"body" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"version" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "limit_rule_kind" CHECK ("limit_rule"."kind" in ('rate', 'budget'))
);
--> statement-breakpoint
CREATE TABLE "limit_rule_version" (
	"single" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"config_hash" text DEFAULT '' NOT NULL,
	CONSTRAINT "limit_rule_version_single" CHECK ("limit_rule_version"."single")
);
--> statement-breakpoint
insert into limit_rule_version default values;
--> statement-breakpoint
-- The row of the version is locked until the writer's transaction ends: whoever reads version and rules in one statement
-- sees rules of exactly that version.
create function count_limit_rule_change() returns trigger language plpgsql as $$
begin
  update limit_rule_version set version = version + 1 returning version into new.version;
  return new;
end $$;
--> statement-breakpoint
create trigger limit_rule_counted before insert or update on limit_rule for each row execute function count_limit_rule_change();
--> statement-breakpoint
-- DELETE and TRUNCATE have no row that could take the version.
create function count_limit_rule_loss() returns trigger language plpgsql as $$
begin
  update limit_rule_version set version = version + 1;
  return null;
end $$;
--> statement-breakpoint
create trigger limit_rule_lost after delete or truncate on limit_rule for each statement execute function count_limit_rule_loss();
--> statement-breakpoint
create function notify_limit_rule_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('limit_rule_changed', '');
  return null;
end $$;
--> statement-breakpoint
create trigger limit_rule_changed after insert or update or delete or truncate on limit_rule
  for each statement execute function notify_limit_rule_changed();

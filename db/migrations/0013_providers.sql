CREATE TABLE "provider_credential" (
	"name" text PRIMARY KEY NOT NULL,
	"description" text,
	"sealed" "bytea" NOT NULL,
	"key_version" smallint NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"tested_at" timestamp (3) with time zone,
	"test_outcome" text
);
--> statement-breakpoint
CREATE TABLE "provider_health" (
	"process" text NOT NULL,
	"model" text NOT NULL,
	"provider" text NOT NULL,
	"type" text NOT NULL,
	"state" text NOT NULL,
	"in_flight" integer NOT NULL,
	"successes" bigint NOT NULL,
	"failures" bigint NOT NULL,
	"openings" bigint NOT NULL,
	"refused" bigint NOT NULL,
	"latency_ms" real,
	"last_failure_at" timestamp (3) with time zone,
	"last_failure" text,
	"reported_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "provider_health_process_model_provider_pk" PRIMARY KEY("process","model","provider")
);
--> statement-breakpoint
create function notify_credential_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('credential_changed', '');
  return null;
end $$;
--> statement-breakpoint
create trigger credential_changed after insert or update or delete or truncate on provider_credential
  for each statement execute function notify_credential_changed();

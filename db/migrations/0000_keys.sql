CREATE TABLE "api_key" (
	"public_id" text PRIMARY KEY NOT NULL,
	"alias" text NOT NULL,
	"name" text,
	"description" text,
	"type" text NOT NULL,
	"state" text DEFAULT 'active' NOT NULL,
	"permissions" text[] NOT NULL,
	"models" text[] NOT NULL,
	"tags" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"budgets" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"rate_limits" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"max_output_tokens" integer,
	"expires_at" timestamp (3) with time zone,
	"allowed_ips" text[] DEFAULT '{}' NOT NULL,
	"allowed_origins" text[] DEFAULT '{}' NOT NULL,
	"owner_id" text,
	"provider_credentials" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"on_disconnect" text DEFAULT 'drain' NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"last_used_at" timestamp (3) with time zone,
	"last_used_ip" text,
	"rotated_at" timestamp (3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"idempotency_key" text,
	"bootstrap" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "api_key_secret" (
	"digest" "bytea" NOT NULL,
	"public_id" text NOT NULL,
	"pepper_version" smallint NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"retires_at" timestamp (3) with time zone,
	"last_used_at" timestamp (3) with time zone,
	CONSTRAINT "api_key_secret_digest_pk" PRIMARY KEY("digest")
);
--> statement-breakpoint
ALTER TABLE "api_key_secret" ADD CONSTRAINT "api_key_secret_public_id_api_key_public_id_fk" FOREIGN KEY ("public_id") REFERENCES "public"."api_key"("public_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "api_key_live_alias" ON "api_key" USING btree (coalesce("owner_id", ''),"alias") WHERE "api_key"."state" in ('active', 'disabled');--> statement-breakpoint
CREATE UNIQUE INDEX "api_key_idempotency" ON "api_key" USING btree ("created_by","idempotency_key") WHERE "api_key"."idempotency_key" is not null;--> statement-breakpoint
CREATE INDEX "api_key_newest" ON "api_key" USING btree ("created_at" DESC NULLS LAST,"public_id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "api_key_owner" ON "api_key" USING btree ("owner_id","created_at" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "api_key_expiry" ON "api_key" USING btree ("expires_at") WHERE "api_key"."state" in ('active', 'disabled') and "api_key"."expires_at" is not null;--> statement-breakpoint
CREATE INDEX "api_key_tags" ON "api_key" USING gin ("tags");--> statement-breakpoint
CREATE INDEX "api_key_secret_key" ON "api_key_secret" USING btree ("public_id");
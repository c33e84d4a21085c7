ALTER TABLE "api_key" ADD COLUMN "operator_hold" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "api_key" ADD COLUMN "calls_cut" boolean DEFAULT false NOT NULL;--> statement-breakpoint
-- What a role that owns no table may see once row security is enabled (docs/operations.md): nothing, until its connection says
-- whose rows it wants. `*` is everybody, as gateways say when they connect. A user's id shows what is that user's, but no
-- digest, password or session. Nothing here touches usage: COPY FROM does not work where row security is on.
create policy tenant on api_key using (current_setting('tollgate.tenant', true) in ('*', owner_id));
--> statement-breakpoint
create policy tenant on app_user using (current_setting('tollgate.tenant', true) in ('*', id));
--> statement-breakpoint
create policy tenant on audit_entry using (current_setting('tollgate.tenant', true) in ('*', owner_id));
--> statement-breakpoint
create policy tenant on api_key_secret using (current_setting('tollgate.tenant', true) = '*');
--> statement-breakpoint
create policy tenant on app_account using (current_setting('tollgate.tenant', true) = '*');
--> statement-breakpoint
create policy tenant on app_session using (current_setting('tollgate.tenant', true) = '*');
--> statement-breakpoint
create policy tenant on app_verification using (current_setting('tollgate.tenant', true) = '*');

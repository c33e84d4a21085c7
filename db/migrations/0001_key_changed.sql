-- One invalidation path: every writer, also a hand-typed UPDATE, tells all gateways in its own transaction.
-- `last_used_at` and `last_used_ip` are left out: they change once a minute and decide nothing.
create function notify_key_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('key_changed', coalesce(new.public_id, old.public_id));
  return null;
end $$;
--> statement-breakpoint
create trigger api_key_changed after insert or delete or update of
  public_id, alias, name, description, type, state, permissions, models, tags, budgets, rate_limits, max_output_tokens,
  expires_at, allowed_ips, allowed_origins, owner_id, provider_credentials, on_disconnect, rotated_at, version
  on api_key for each row execute function notify_key_changed();
--> statement-breakpoint
create trigger api_key_secret_changed after insert or delete or update of digest, public_id, pepper_version, retires_at
  on api_key_secret for each row execute function notify_key_changed();
--> statement-breakpoint
-- TRUNCATE fires no row trigger; an empty payload means "forget everything".
create function notify_keys_truncated() returns trigger language plpgsql as $$
begin
  perform pg_notify('key_changed', '');
  return null;
end $$;
--> statement-breakpoint
create trigger api_key_truncated after truncate on api_key for each statement execute function notify_keys_truncated();
--> statement-breakpoint
create trigger api_key_secret_truncated after truncate on api_key_secret for each statement execute function notify_keys_truncated();

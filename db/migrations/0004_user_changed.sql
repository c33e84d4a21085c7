-- What a user may do is part of what each of its keys may do, so a change goes the way of a changed key, in the same
-- transaction. `name`, `email` and `image` decide nothing.
create function notify_user_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('key_changed', public_id) from api_key where owner_id = new.id and state in ('active', 'disabled');
  return null;
end $$;
--> statement-breakpoint
create trigger app_user_changed after update of role, plan, disabled_at on app_user
  for each row when (old.role is distinct from new.role or old.plan is distinct from new.plan
    or old.disabled_at is distinct from new.disabled_at)
  execute function notify_user_changed();
--> statement-breakpoint
-- A key does not outlive its owner, whoever deleted it.
create function revoke_keys_of_user() returns trigger language plpgsql as $$
begin
  update api_key set state = 'revoked', version = version + 1 where owner_id = old.id and state <> 'revoked';
  return null;
end $$;
--> statement-breakpoint
create trigger app_user_deleted after delete on app_user for each row execute function revoke_keys_of_user();

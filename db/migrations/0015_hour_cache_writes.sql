-- Of cache_write_tokens, those that the provider keeps for an hour, which cost more. A constant default touches no row.
alter table usage_event add column hour_cache_write_tokens bigint not null default 0;

-- What users wish of their mail, and the mails that wait for it: muted symbols, currencies of news, quiet hours, digests.
-- Safe to run again.

-- `muted_symbols` and `news_currencies` are meant in the row of kind 'all'. A row of kind 'all' holds for every kind
-- without a row of its own; `email` false in it switches everything off.
alter table public.notification_preferences add column if not exists muted_symbols text[];
alter table public.notification_preferences add column if not exists news_currencies text[];
alter table public.notification_preferences add column if not exists quiet_action text not null default 'hold';

-- A front end that breaks one of these gets its name, which says what is wrong.
alter table public.notification_preferences
  drop constraint if exists quiet_action_is_hold_drop_or_digest,
  drop constraint if exists muted_symbols_are_names_and_stand_in_the_row_of_kind_all,
  drop constraint if exists news_currencies_are_codes_and_stand_in_the_row_of_kind_all;
alter table public.notification_preferences
  add constraint quiet_action_is_hold_drop_or_digest check (quiet_action in ('hold', 'drop', 'digest')),
  add constraint muted_symbols_are_names_and_stand_in_the_row_of_kind_all check (
    muted_symbols is null or kind = 'all' and cardinality(muted_symbols) <= 500
      and array_to_string(muted_symbols, E'\n', '?') ~ E'^([A-Za-z0-9._/-]{1,32}(\n|$))*$'),
  add constraint news_currencies_are_codes_and_stand_in_the_row_of_kind_all check (
    news_currencies is null or kind = 'all' and cardinality(news_currencies) <= 100
      and array_to_string(news_currencies, E'\n', '?') ~ E'^([A-Za-z]{3}(\n|$))*$');

-- A check may not ask a view.
create or replace function bellwether.check_quiet_zone() returns trigger
language plpgsql set search_path = '' as $$
begin
  if not exists (select from pg_catalog.pg_timezone_names where name = new.quiet_zone) then
    raise exception 'quiet_zone "%" is not a zone of the IANA database, such as Asia/Kolkata', new.quiet_zone
      using errcode = 'check_violation', schema = tg_table_schema, table = tg_table_name, column = 'quiet_zone',
        constraint = 'quiet_zone_is_a_zone';
  end if;
  return new;
end
$$;
revoke all on function bellwether.check_quiet_zone() from public;
create or replace trigger bellwether_quiet_zone before insert or update of quiet_zone
  on public.notification_preferences for each row when (new.quiet_zone is not null)
  execute function bellwether.check_quiet_zone();

-- A mail that waits says until when and why. What a digest says of it stays when its content goes.
alter table bellwether.mail_outbox add column if not exists hold_until timestamptz;
alter table bellwether.mail_outbox add column if not exists hold_reason text;
alter table bellwether.mail_outbox add column if not exists what text;
alter table bellwether.mail_outbox add column if not exists about_at timestamptz;
-- The digest that tells of it, by its occurrence.
alter table bellwether.mail_outbox add column if not exists digest_occurrence text;
-- When it stopped waiting: from then on it is tried.
alter table bellwether.mail_outbox add column if not exists released_at timestamptz;

alter table bellwether.mail_outbox
  drop constraint if exists mail_outbox_state_check,
  drop constraint if exists mail_outbox_held_says_why,
  drop constraint if exists mail_outbox_digested_says_where;
alter table bellwether.mail_outbox
  add constraint mail_outbox_state_check check (state in
    ('pending', 'claimed', 'data_started', 'sent', 'failed', 'suppressed', 'ambiguous', 'held', 'digested')),
  add constraint mail_outbox_held_says_why check (
    state <> 'held' or hold_until is not null
      and hold_reason in ('quiet_hours', 'quiet_digest', 'limit', 'wish', 'flood')),
  add constraint mail_outbox_digested_says_where check ((state = 'digested') = (digest_occurrence is not null));

-- What waits, when it is due and whose it is; what a user and the tenant got within the last hour, and are to get.
create index if not exists mail_outbox_held on bellwether.mail_outbox (tenant_id, hold_until) where state = 'held';
create index if not exists mail_outbox_flood on bellwether.mail_outbox (tenant_id)
  where state = 'held' and hold_reason = 'flood';
create index if not exists mail_outbox_held_of_user on bellwether.mail_outbox (tenant_id, user_id) where state = 'held';
create index if not exists mail_outbox_unsent_of_user on bellwether.mail_outbox (tenant_id, user_id)
  where state in ('pending', 'claimed', 'data_started', 'ambiguous');
create index if not exists mail_outbox_sent_of_user on bellwether.mail_outbox (tenant_id, user_id, sent_at)
  where state = 'sent';
create index if not exists mail_outbox_sent on bellwether.mail_outbox (tenant_id, sent_at) where state = 'sent';

insert into bellwether.schema_migration (version) values ('20260301001300') on conflict do nothing;

-- The gateway's role: what answers the links in mails is reached by everybody, so it can switch mails off and nothing
-- else. Knows neither tenant nor password: `bellwether tenants init` adds them. Safe to run again.

-- Roles belong to the cluster: another database may have made it, even at this moment.
do $$
begin
  if to_regrole('bellwether_gateway') is null then
    create role bellwether_gateway nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;
end
$$;

revoke all on table public.notification_preferences from bellwether_gateway;
drop policy if exists gateway_find on public.notification_preferences;
drop policy if exists gateway_add on public.notification_preferences;
drop policy if exists gateway_switch_off on public.notification_preferences;

-- The three columns by which a row is found to be there already; whether it is on or off is not among them.
create policy gateway_find on public.notification_preferences for select to bellwether_gateway
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
create policy gateway_add on public.notification_preferences for insert to bellwether_gateway
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), '') and not email);
create policy gateway_switch_off on public.notification_preferences for update to bellwether_gateway
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''))
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), '') and not email);
grant select (tenant_id, user_id, kind), insert (tenant_id, user_id, kind, email), update (email)
  on public.notification_preferences to bellwether_gateway;

-- Bounces. A report is told once: by what names it.
alter table bellwether.mail_event add column if not exists report text;
create unique index if not exists mail_event_report on bellwether.mail_event (tenant_id, report)
  where report is not null;
create index if not exists mail_event_full on bellwether.mail_event (tenant_id) where event = 'mailbox full';

-- Notes what other servers said of a mail, and stops mail to its recipient where that follows. Reports can be forged by
-- anybody, so nothing is believed of a mail that this tenant did not send to one of these addresses.
create or replace function bellwether.note_bounce(name text, message text, addresses text[], effect text, what text,
                                                  why text) returns text
language plpgsql set search_path = '' as $$
declare
  tenant text := nullif(current_setting('app.tenant_id', true), '');
  mail record;
  full_mailboxes bigint;
begin
  if tenant is null or name is null or effect is null or effect not in ('suppress', 'full', 'note') then
    raise exception 'no tenant, or nothing that follows from a bounce' using errcode = 'invalid_parameter_value';
  end if;
  -- A Message-ID begins with the occurrence, which is the key.
  select m.occurrence, lower(m.recipient) as address into mail from bellwether.mail_outbox m
    where m.tenant_id = tenant and m.occurrence = substring(message from '^<(.*)@[^@]*>$') and m.message_id = message
      and lower(m.recipient) in (select lower(a) from unnest(addresses) a);
  if not found then
    return 'unknown';
  end if;
  insert into bellwether.mail_event (tenant_id, occurrence, event, detail, report)
    values (tenant, mail.occurrence, what, why, name)
    on conflict (tenant_id, report) where report is not null do nothing;
  if not found then
    return 'repeated';
  end if;
  if effect = 'full' then
    select count(distinct e.occurrence) into full_mailboxes from bellwether.mail_event e
      join bellwether.mail_outbox m on m.tenant_id = e.tenant_id and m.occurrence = e.occurrence
      where e.tenant_id = tenant and e.event = 'mailbox full' and e.at > now() - interval '30 days'
        and lower(m.recipient) = mail.address;
  end if;
  if effect = 'note' or full_mailboxes < 3 then
    return 'noted';
  end if;
  insert into bellwether.mail_suppression (tenant_id, address, reason) values (tenant, mail.address, why)
    on conflict (tenant_id, address) do nothing;
  return 'suppressed';
end
$$;

-- The same for the gateway, which sees no mail: as the owner, whom row security binds too, and for the tenant that the
-- gateway's connection is of.
create or replace function bellwether.bounced(name text, message text, addresses text[], effect text, what text,
                                              why text) returns text
language sql security definer set search_path = '' as $$
  select bellwether.note_bounce(name, message, addresses, effect, what, why)
$$;

drop policy if exists bounce on bellwether.mail_outbox;
drop policy if exists bounce on bellwether.mail_event;
drop policy if exists bounce on bellwether.mail_suppression;
create policy bounce on bellwether.mail_outbox for select to current_user
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
create policy bounce on bellwether.mail_event for all to current_user
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''))
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
create policy bounce on bellwether.mail_suppression for all to current_user
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''))
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), ''));

revoke all on all functions in schema bellwether from public;
grant execute on function bellwether.note_bounce(text, text, text[], text, text, text) to bellwether_pipeline;
grant usage on schema bellwether to bellwether_gateway;
grant execute on function bellwether.bounced(text, text, text[], text, text, text) to bellwether_gateway;

-- Recipients of tenants whose Auth tells them: the last complete list, replaced as a whole. While there is a list, it and
-- nothing else says who may get mail.
create table if not exists bellwether.auth_list (
  tenant_id text not null,
  complete_at timestamptz not null,
  primary key (tenant_id)
);
create table if not exists bellwether.auth_recipient (
  tenant_id text not null references bellwether.auth_list (tenant_id) on delete cascade,
  user_id uuid not null,
  email text not null,
  primary key (tenant_id, user_id)
);
select bellwether.add_tenant('bellwether.auth_list');
select bellwether.add_tenant('bellwether.auth_recipient');
do $$
declare
  name text;
begin
  foreach name in array array['auth_list', 'auth_recipient'] loop
    perform bellwether.lock_down(format('bellwether.%I', name)::regclass);
    execute format('create policy pipeline on bellwether.%I for all to bellwether_pipeline
      using (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))
      with check (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))', name);
    -- The view reads as its owner.
    execute format('create policy recipients on bellwether.%I for select to current_user
      using (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))', name);
    execute format('grant select, insert, update, delete on bellwether.%I to bellwether_pipeline', name);
  end loop;
end
$$;

create or replace view bellwether.recipients as
  select u.id as user_id, u.email::text as email
  from auth.users u
  where u.email_confirmed_at is not null
    and u.deleted_at is null
    and (u.banned_until is null or u.banned_until <= now())
    and u.email <> ''
    and not exists (select from bellwether.auth_list l
                    where l.tenant_id = nullif(current_setting('app.tenant_id', true), ''))
  union all
  select r.user_id, r.email
  from bellwether.auth_recipient r
  where r.tenant_id = nullif(current_setting('app.tenant_id', true), '');
grant select on bellwether.recipients to bellwether_pipeline;

insert into bellwether.schema_migration (version) values ('20260301001500') on conflict do nothing;

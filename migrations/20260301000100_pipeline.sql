-- The pipeline's own schema and role, and what alerts of every kind share. Knows neither tenant nor password:
-- `bellwether tenants init` adds them. Safe to run again.

do $$
begin
  if to_regclass('auth.users') is null or to_regrole('authenticated') is null or to_regrole('anon') is null then
    raise exception 'schema auth or its roles are missing: this is not a Supabase database'
      using hint = 'for development, local/sql/bootstrap.sql stands in for them';
  end if;
end
$$;

-- Roles belong to the cluster: another database may have made it, even at this moment.
do $$
begin
  if to_regrole('bellwether_pipeline') is null then
    create role bellwether_pipeline nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;
end
$$;

create schema if not exists bellwether;
revoke all on schema bellwether from public;
grant usage on schema bellwether to bellwether_pipeline;

-- Each migration records itself, so that it does not matter who ran it.
create table if not exists bellwether.schema_migration (
  version text primary key,
  applied_at timestamptz not null default now()
);

-- Row security on and forced, every earlier policy and grant to users gone: the caller then says what is allowed.
create or replace function bellwether.lock_down(target regclass) returns void
language plpgsql set search_path = '' as $$
declare
  name text;
begin
  for name in select p.polname from pg_catalog.pg_policy p where p.polrelid = target loop
    execute format('drop policy %I on %s', name, target);
  end loop;
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('revoke all on table %s from public, anon, authenticated, bellwether_pipeline', target);
end
$$;

-- A table from before us gets the column; its rows are nobody's ('') until `tenants init` names the tenant.
create or replace function bellwether.add_tenant(target regclass) returns void
language plpgsql set search_path = '' as $$
begin
  if not exists (
    select from pg_catalog.pg_attribute
    where attrelid = target and attname = 'tenant_id' and not attisdropped
  ) then
    execute format('alter table %s add column tenant_id text not null default %L', target, '');
    execute format('alter table %s alter column tenant_id drop default', target);
  end if;
end
$$;

create or replace function bellwether.set_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end
$$;

create table if not exists bellwether.sink_cursor (
  tenant_id text not null,
  sink text not null,
  cause_offset bigint not null default -1,
  cause_index integer not null default -1,
  next_offset bigint not null default 0,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, sink)
);

create table if not exists bellwether.mail_outbox (
  tenant_id text not null,
  occurrence text not null,
  kind text not null,
  user_id uuid not null,
  recipient text,
  subject text,
  message_id text not null,
  content bytea,
  state text not null default 'pending'
    check (state in ('pending', 'claimed', 'data_started', 'sent', 'failed', 'suppressed', 'ambiguous')),
  reason text,
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  lease_until timestamptz,
  fence bigint not null default 0,
  appended_at timestamptz,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  reply text,
  primary key (tenant_id, occurrence)
);
create index if not exists mail_outbox_claim on bellwether.mail_outbox (tenant_id, due_at)
  where state in ('pending', 'claimed', 'data_started', 'ambiguous');

create table if not exists bellwether.mail_event (
  id bigserial primary key,
  tenant_id text not null,
  occurrence text not null,
  at timestamptz not null default now(),
  event text not null,
  detail text
);
create index if not exists mail_event_occurrence on bellwether.mail_event (tenant_id, occurrence);

create table if not exists bellwether.mail_suppression (
  tenant_id text not null,
  address text not null,
  reason text not null,
  at timestamptz not null default now(),
  primary key (tenant_id, address)
);

-- The queue of changes that the journal has not acknowledged yet. Emptied by deletion, never read past a number.
create table if not exists bellwether.alert_change (
  seq bigserial primary key,
  tenant_id text not null,
  alert_id uuid not null,
  kind text not null,
  user_id uuid not null,
  version bigint not null,
  active boolean not null,
  deleted boolean not null,
  parameters jsonb not null,
  changed_at timestamptz not null default now()
);

-- One counter an alert. It outlives its alert: a row that comes back goes on counting.
create table if not exists bellwether.alert_version (
  tenant_id text not null,
  alert_id uuid not null,
  version bigint not null,
  primary key (tenant_id, alert_id)
);

-- Rows found on arrival that are nobody's, or that no rule would accept. Nothing reads them but people.
create table if not exists bellwether.quarantine (
  id bigserial primary key,
  tenant_id text not null default '',
  source_table text not null,
  reason text not null,
  content jsonb not null,
  at timestamptz not null default now()
);

-- Who may get mail. The one view with its owner's rights, so that the pipeline needs no right on auth.users.
create or replace view bellwether.recipients as
  select u.id as user_id, u.email::text as email
  from auth.users u
  where u.email_confirmed_at is not null
    and u.deleted_at is null
    and (u.banned_until is null or u.banned_until <= now())
    and u.email <> '';

-- The columns of an alert's row that can change a result, out of all of them.
create or replace function bellwether.pick(alert jsonb, columns text[]) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_object_agg(name, alert -> name) from unnest(columns) as name
$$;

-- Raises the alert's version and queues the change, in the user's own transaction.
create or replace function bellwether.queue_change(kind text, alert jsonb, columns text[], deleted boolean)
returns void language plpgsql set search_path = '' as $$
declare
  raised bigint;
begin
  if alert ->> 'tenant_id' = '' then
    return; -- before `tenants init`: the first reconcile publishes what is there
  end if;
  insert into bellwether.alert_version as counter (tenant_id, alert_id, version)
    values (alert ->> 'tenant_id', (alert ->> 'id')::uuid, 1)
    on conflict (tenant_id, alert_id) do update set version = counter.version + 1
    returning counter.version into raised;
  insert into bellwether.alert_change
    (tenant_id, alert_id, kind, user_id, version, active, deleted, parameters)
    values (alert ->> 'tenant_id', (alert ->> 'id')::uuid, kind, (alert ->> 'user_id')::uuid, raised,
            (alert ->> 'is_active')::boolean, deleted, bellwether.pick(alert, columns));
end
$$;

-- Statement trigger of every alert table. Arguments: the kind, then its own columns that can change a result.
-- An update that leaves those, the user and is_active as they were is no change.
create or replace function bellwether.capture() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  kind text := tg_argv[0];
  columns text[] := tg_argv[1:];
  watched text[] := columns || array['user_id', 'is_active'];
begin
  if tg_op = 'INSERT' then
    perform bellwether.queue_change(kind, to_jsonb(n), columns, false) from new_rows n order by n.id;
  elsif tg_op = 'UPDATE' then
    perform bellwether.queue_change(kind, to_jsonb(o), columns, true)
      from old_rows o
      where not exists (select from new_rows n where n.id = o.id and n.tenant_id = o.tenant_id)
      order by o.id;
    perform bellwether.queue_change(kind, to_jsonb(n), columns, false)
      from new_rows n left join old_rows o on n.id = o.id and n.tenant_id = o.tenant_id
      where o.id is null
        or bellwether.pick(to_jsonb(n), watched) is distinct from bellwether.pick(to_jsonb(o), watched)
      order by n.id;
  elsif tg_op = 'DELETE' then
    perform bellwether.queue_change(kind, to_jsonb(o), columns, true) from old_rows o order by o.id;
  else
    execute format('select bellwether.queue_change($1, to_jsonb(o), $2, true) from %I.%I o order by o.id',
                   tg_table_schema, tg_table_name) using kind, columns;
  end if;
  perform pg_notify('bellwether_alert_change', kind);
  return null;
end
$$;

-- Puts the four capture triggers on an alert table. The truncating one runs before, while the rows are there.
create or replace function bellwether.watch(target regclass, kind text, variadic columns text[]) returns void
language plpgsql set search_path = '' as $$
declare
  arguments text;
begin
  select string_agg(quote_literal(a), ', ') into arguments from unnest(array[kind] || columns) as a;
  execute format('create or replace trigger bellwether_insert after insert on %s referencing new table as new_rows
    for each statement execute function bellwether.capture(%s)', target, arguments);
  execute format('create or replace trigger bellwether_update after update on %s
    referencing old table as old_rows new table as new_rows
    for each statement execute function bellwether.capture(%s)', target, arguments);
  execute format('create or replace trigger bellwether_delete after delete on %s referencing old table as old_rows
    for each statement execute function bellwether.capture(%s)', target, arguments);
  execute format('create or replace trigger bellwether_truncate before truncate on %s
    for each statement execute function bellwether.capture(%s)', target, arguments);
end
$$;

revoke all on all functions in schema bellwether from public;

do $$
declare
  name text;
begin
  foreach name in array array['sink_cursor', 'mail_outbox', 'mail_event', 'mail_suppression', 'alert_change',
                              'alert_version', 'quarantine', 'schema_migration']
  loop
    perform bellwether.lock_down(format('bellwether.%I', name)::regclass);
  end loop;
  foreach name in array array['sink_cursor', 'mail_outbox', 'mail_event', 'mail_suppression', 'alert_change',
                              'alert_version']
  loop
    execute format('create policy pipeline on bellwether.%I for all to bellwether_pipeline
      using (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))
      with check (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))', name);
    execute format('grant select, insert, update, delete on bellwether.%I to bellwether_pipeline', name);
  end loop;
end
$$;
grant usage on all sequences in schema bellwether to bellwether_pipeline;
grant select on bellwether.recipients to bellwether_pipeline;

-- The capture triggers run as this role, which is bound by row security too where it may not bypass it.
create policy capture on bellwether.alert_change for insert to current_user with check (tenant_id <> '');
create policy capture on bellwether.alert_version for all to current_user
  using (tenant_id <> '') with check (tenant_id <> '');
create policy migrate on bellwether.quarantine for insert to current_user with check (reason <> '');
create policy migrate on bellwether.schema_migration for all to current_user
  using (version <> '') with check (version <> '');
create policy pipeline on bellwether.schema_migration for select to bellwether_pipeline using (version <> '');
grant select on bellwether.schema_migration to bellwether_pipeline;

-- What a front end shows beside the form: where the pipeline stands with an alert.
create table if not exists public.alert_status (
  tenant_id text not null,
  alert_id uuid not null,
  kind text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  version bigint not null,
  state text not null check (state in ('active', 'warming', 'refused', 'inactive', 'spent', 'expired')),
  reason text,
  effective_at timestamptz,
  last_triggered_at timestamptz,
  trigger_count bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, alert_id)
);
create index if not exists alert_status_user on public.alert_status (user_id);
create or replace trigger bellwether_updated before update on public.alert_status
  for each row execute function bellwether.set_updated_at();

select bellwether.lock_down('public.alert_status');
create policy own_read on public.alert_status for select to authenticated
  using ((select auth.uid()) = user_id);
create policy pipeline on public.alert_status for all to bellwether_pipeline
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''))
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
grant select on public.alert_status to authenticated;
grant select, insert, update on public.alert_status to bellwether_pipeline;

-- Absent means the defaults: mail on, no quiet hours, no digest.
create table if not exists public.notification_preferences (
  tenant_id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  kind text not null,
  email boolean not null default true,
  quiet_from time,
  quiet_to time,
  quiet_zone text,
  digest boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, user_id, kind),
  check ((quiet_from is null) = (quiet_to is null))
);
create index if not exists notification_preferences_user on public.notification_preferences (user_id);
create or replace trigger bellwether_updated before update on public.notification_preferences
  for each row execute function bellwether.set_updated_at();

select bellwether.lock_down('public.notification_preferences');
create policy own on public.notification_preferences for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy pipeline_read on public.notification_preferences for select to bellwether_pipeline
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
grant select, insert, update, delete on public.notification_preferences to authenticated;
grant select on public.notification_preferences to bellwether_pipeline;

insert into bellwether.schema_migration (version) values ('20260301000100') on conflict do nothing;

-- What the two tables of an alert kind need before they are ours, whatever an earlier back end left in them, as
-- functions that the kind's migration calls in this order, after it has made what is not there:
--
--   repair_triggers, repair_alerts     columns, users, keys; rows that are nobody's are put aside
--   one_alert_a_user                   where a user has at most one: the newest stays
--   refuse_alerts                      rows that no rule accepts leave, and their users see why
--   drop_checks, then the kind's own columns, defaults and checks
--   own_alerts, own_triggers           what is captured, row security, who may do what
--
-- Each does the same again without harm. None is callable by anybody but the owner.

create or replace function bellwether.table_name(target regclass) returns text
language sql stable set search_path = '' as $$
  select relname::text from pg_catalog.pg_class where oid = target
$$;

-- A row is somebody's by its user_id alone: an address in user_email is not an identity.
create or replace function bellwether.quarantine_ownerless(target regclass) returns void
language plpgsql set search_path = '' as $$
begin
  execute format('with gone as (
      delete from %s r where r.user_id is null or not exists (select from auth.users u where u.id = r.user_id)
      returning r.*
    )
    insert into bellwether.quarantine (source_table, reason, content)
      select $1, ''no user'', to_jsonb(gone) from gone', target)
    using bellwether.table_name(target);
end
$$;

-- Every row has a user, and goes with that user. The name tells a trigger of a deleted user from a bad row.
create or replace function bellwether.belong_to_users(target regclass) returns void
language plpgsql set search_path = '' as $$
declare
  name text;
begin
  execute format('alter table %s alter column user_id set not null', target);
  for name in
    select k.conname from pg_catalog.pg_constraint k
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attname = 'user_id' and k.conkey = array[a.attnum]
    where k.conrelid = target and k.contype = 'f'
  loop
    execute format('alter table %s drop constraint %I', target, name);
  end loop;
  execute format('alter table %s add constraint %I foreign key (user_id) references auth.users (id) on delete cascade',
                 target, bellwether.table_name(target) || '_user_id_fkey');
end
$$;

-- First of all: a foreign key on the alerts would delete history together with alerts that leave below.
create or replace function bellwether.repair_triggers(target regclass, alerts regclass) returns void
language plpgsql set search_path = '' as $$
declare
  name text;
begin
  for name in
    select k.conname from pg_catalog.pg_constraint k
    where k.conrelid = target and k.contype = 'f' and k.confrelid = alerts
  loop
    execute format('alter table %s drop constraint %I', target, name);
  end loop;
  perform bellwether.add_tenant(target);
  execute format('alter table %s
      add column if not exists user_id uuid,
      add column if not exists alert_version bigint not null default 0,
      add column if not exists price numeric,
      add column if not exists detail jsonb not null default %L,
      add column if not exists is_acknowledged boolean not null default false,
      add column if not exists acknowledged_at timestamptz,
      alter column triggered_at drop default', target, '{}');
  execute format('update %s t set user_id = a.user_id from %s a
      where a.id = t.alert_id and t.user_id is null and a.user_id is not null', target, alerts);
  perform bellwether.quarantine_ownerless(target);
  perform bellwether.belong_to_users(target);
  perform bellwether.key_by_tenant(target);
  execute format('create index if not exists %I on %s (user_id, triggered_at desc)',
                 bellwether.table_name(target) || '_user', target);
end
$$;

create or replace function bellwether.key_by_tenant(target regclass) returns void
language plpgsql set search_path = '' as $$
declare
  name text;
begin
  select k.conname into name from pg_catalog.pg_constraint k where k.conrelid = target and k.contype = 'p';
  if exists (
    select from pg_catalog.pg_constraint k where k.conrelid = target and k.contype = 'p' and cardinality(k.conkey) = 2
  ) then
    return;
  end if;
  if name is not null then
    execute format('alter table %s drop constraint %I', target, name);
  end if;
  execute format('alter table %s add primary key (tenant_id, id)', target);
end
$$;

create or replace function bellwether.repair_alerts(target regclass) returns void
language plpgsql set search_path = '' as $$
begin
  perform bellwether.add_tenant(target);
  execute format('alter table %s add column if not exists user_email text', target);
  execute format('alter table %s alter column user_email drop not null', target);
  perform bellwether.quarantine_ownerless(target);
  perform bellwether.belong_to_users(target);
end
$$;

create or replace function bellwether.one_alert_a_user(target regclass) returns void
language plpgsql set search_path = '' as $$
begin
  execute format('with ranked as (
      select id, row_number() over (partition by user_id order by created_at desc, id desc) as place from %1$s
    ), gone as (
      delete from %1$s a using ranked r where r.id = a.id and r.place > 1
      returning a.*
    )
    insert into bellwether.quarantine (source_table, reason, content)
      select $1, ''the user has a newer alert'', to_jsonb(gone) from gone', target)
    using bellwether.table_name(target);
  if not exists (
    select from pg_catalog.pg_index i
    where i.indrelid = target and i.indisunique and i.indpred is null and i.indnkeyatts = 1
      and i.indkey[0] = (select a.attnum from pg_catalog.pg_attribute a
                         where a.attrelid = target and a.attname = 'user_id')
  ) then
    execute format('alter table %s add constraint %I unique (user_id)',
                   target, bellwether.table_name(target) || '_user_id_key');
  end if;
end
$$;

-- What no rule accepts is not guessed: it leaves, and its user sees why.
create or replace function bellwether.refuse_alerts(target regclass, kind text, reason text, refused uuid[])
returns void language plpgsql set search_path = '' as $$
begin
  execute format('with gone as (
      delete from %s a where a.id = any($1)
      returning a.*
    ), told as (
      insert into public.alert_status (tenant_id, alert_id, kind, user_id, version, state, reason, effective_at)
        select tenant_id, id, $2, user_id, 0, ''refused'', $3, now() from gone
        on conflict do nothing
    )
    insert into bellwether.quarantine (source_table, reason, content) select $4, $3, to_jsonb(gone) from gone', target)
    using refused, kind, reason, bellwether.table_name(target);
end
$$;

-- Earlier rules may be narrower than ours. The tenant's own check is set by `tenants init` and stays.
create or replace function bellwether.drop_checks(target regclass) returns void
language plpgsql set search_path = '' as $$
declare
  name text;
begin
  for name in
    select k.conname from pg_catalog.pg_constraint k
    where k.conrelid = target and k.contype = 'c' and k.conname <> 'bellwether_tenant'
  loop
    execute format('alter table %s drop constraint %I', target, name);
  end loop;
end
$$;

-- Users do what they like with their own alerts; the pipeline reads its tenant's. `columns` are those of the kind
-- that can change a result.
create or replace function bellwether.own_alerts(target regclass, kind text, variadic columns text[]) returns void
language plpgsql set search_path = '' as $$
begin
  execute format('create or replace trigger bellwether_updated before update on %s
      for each row execute function bellwether.set_updated_at()', target);
  perform bellwether.watch(target, kind, variadic columns);
  perform bellwether.lock_down(target);
  execute format('create policy own on %s for all to authenticated
      using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id)', target);
  execute format('create policy pipeline_read on %s for select to bellwether_pipeline
      using (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))', target);
  -- The truncating capture trigger reads what is about to go.
  execute format('create policy capture on %s for select to current_user using (tenant_id <> '''')', target);
  execute format('grant select, insert, update, delete on %s to authenticated', target);
  execute format('grant select on %s to bellwether_pipeline', target);
end
$$;

-- Users read and acknowledge their own triggers; the pipeline reads and adds its tenant's, and changes none.
create or replace function bellwether.own_triggers(target regclass) returns void
language plpgsql set search_path = '' as $$
begin
  perform bellwether.lock_down(target);
  execute format('create policy own_read on %s for select to authenticated
      using ((select auth.uid()) = user_id)', target);
  execute format('create policy own_acknowledge on %s for update to authenticated
      using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id)', target);
  execute format('create policy pipeline_read on %s for select to bellwether_pipeline
      using (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))', target);
  execute format('create policy pipeline_write on %s for insert to bellwether_pipeline
      with check (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))', target);
  execute format('grant select on %s to authenticated', target);
  execute format('grant update (is_acknowledged, acknowledged_at) on %s to authenticated', target);
  execute format('grant select, insert on %s to bellwether_pipeline', target);
end
$$;

revoke all on all functions in schema bellwether from public;

-- refuse_alerts tells users as the owner, whom forced row security binds too.
drop policy if exists migrate on public.alert_status;
create policy migrate on public.alert_status for insert to current_user with check (state = 'refused');

insert into bellwether.schema_migration (version) values ('20260301000300') on conflict do nothing;

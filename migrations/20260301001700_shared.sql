-- One database, several tenants: which role logs in for whom, and what each may then touch. A database that was given
-- to one tenant stays as it is. Safe to run again.

-- Whose each login role is, where a database is shared; no row anywhere else. The owner alone writes it: who logs in
-- cannot say for which tenant.
create table if not exists bellwether.tenant_login (
  login name primary key,
  tenant_id text not null check (tenant_id <> '')
);

-- `dedicated` once `tenants init` gave the database to one tenant, `shared` once it made room for the first of several,
-- '' before either.
create or replace function bellwether.shape() returns text
language sql stable security definer set search_path = '' as $$
  select case
    when bellwether.owner_tenant() <> '' then 'dedicated'
    when exists (select from bellwether.tenant_login) then 'shared'
    else ''
  end
$$;

-- The tenant that a process of ours works for: what `app.tenant_id` says and, in a shared database, what its login role
-- is. Where the two differ it is nobody's, and sees nothing.
create or replace function bellwether.acting_tenant() returns text
language sql stable security definer set search_path = '' as $$
  select case
    when not exists (select from bellwether.tenant_login) then nullif(current_setting('app.tenant_id', true), '')
    else (select l.tenant_id from bellwether.tenant_login l
          where l.login = session_user and l.tenant_id = current_setting('app.tenant_id', true))
  end
$$;

-- Ours in schema public are those that our processes have a policy for: a front end may have a tenant_id of its own.
create or replace function bellwether.tables_of_tenants() returns setof regclass
language sql stable set search_path = '' as $$
  select c.oid::regclass from pg_catalog.pg_class c
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
  where c.relkind in ('r', 'p')
    and (c.relnamespace = to_regnamespace('bellwether')
         or c.relnamespace = to_regnamespace('public') and exists (
           select from pg_catalog.pg_policy p
           where p.polrelid = c.oid and to_regrole('bellwether_pipeline')::oid = any (p.polroles)))
  order by c.oid
$$;

-- Beside what the policies of every database allow: the tenant of the login role, or of the user's token. Users set
-- neither: `app_metadata` is Auth's. What a page inserts has the token's tenant without saying so.
create or replace function bellwether.share_rows(target regclass) returns void
language plpgsql set search_path = '' as $$
declare
  ours constant text := 'tenant_id = (select bellwether.acting_tenant())';
  of_token constant text := 'auth.jwt() -> ''app_metadata'' ->> ''tenant_id''';
  is_public boolean := exists (
    select from pg_catalog.pg_class where oid = target and relnamespace = to_regnamespace('public'));
begin
  if not exists (select from pg_catalog.pg_policy where polrelid = target and polname = 'shared_processes') then
    execute format('create policy shared_processes on %1$s as restrictive for all
        to bellwether_pipeline, bellwether_gateway using (%2$s) with check (%2$s)', target, ours);
  end if;
  if is_public and not exists (select from pg_catalog.pg_policy where polrelid = target and polname = 'shared_users') then
    execute format('create policy shared_users on %1$s as restrictive for all to authenticated
        using (tenant_id = (select %2$s)) with check (tenant_id = (select %2$s))', target, of_token);
  end if;
  if is_public and has_table_privilege('authenticated', target, 'insert') then
    execute format('alter table %s alter column tenant_id set default (%s)', target, of_token);
  end if;
end
$$;

-- What a user has once, a user has once in each tenant.
create or replace function bellwether.share_key(target regclass) returns void
language plpgsql set search_path = '' as $$
declare
  key record;
begin
  for key in
    select i.indexrelid::regclass as index, k.conname as name
    from pg_catalog.pg_index i left join pg_catalog.pg_constraint k on k.conindid = i.indexrelid and k.contype = 'u'
    where i.indrelid = target and i.indisunique and not i.indisprimary and i.indpred is null and i.indnkeyatts = 1
      and i.indkey[0] = (select a.attnum from pg_catalog.pg_attribute a
                         where a.attrelid = target and a.attname = 'user_id')
  loop
    if key.name is null then
      execute format('drop index %s', key.index);
    else
      execute format('alter table %s drop constraint %I', target, key.name);
    end if;
    execute format('alter table %1$s drop constraint if exists %2$I,
        add constraint %2$I unique (tenant_id, user_id)', target, bellwether.table_name(target) || '_tenant_user_key');
  end loop;
end
$$;

-- Makes every table of a shared database as such a one has it, and changes nothing in any other. A migration that makes a
-- table, a policy or a key ends with it.
create or replace function bellwether.reshape() returns void
language plpgsql set search_path = '' as $$
declare
  target regclass;
begin
  if bellwether.shape() <> 'shared' then
    return;
  end if;
  for target in select t from bellwether.tables_of_tenants() t loop
    perform bellwether.share_rows(target);
    perform bellwether.share_key(target);
  end loop;
end
$$;

-- Rows from before us are their user's tenant's. Nothing about them changed for their users, so no trigger notices.
create or replace function bellwether.give_rows(target regclass, tenant text) returns void
language plpgsql set search_path = '' as $$
declare
  of_user text := 'user_id';
begin
  if target = 'bellwether.quarantine'::regclass then
    of_user := 'content ->> ''user_id''';
  elsif not exists (select from pg_catalog.pg_attribute
                    where attrelid = target and attname = 'user_id' and not attisdropped) then
    return;
  end if;
  execute format('alter table %s no force row level security', target);
  execute format('alter table %s disable trigger user', target);
  execute format('update %s set tenant_id = $1 where tenant_id = '''' and (%s)::text in (
      select u.id::text from auth.users u where u.raw_app_meta_data ->> ''tenant_id'' = $1)', target, of_user)
    using tenant;
  execute format('alter table %s enable trigger user', target);
  execute format('alter table %s force row level security', target);
end
$$;

-- Makes room for a tenant in a shared database: the role logs in for it from here on, and for no other. A database of one
-- tenant is never shared.
create or replace function bellwether.share(tenant text, role name) returns void
language plpgsql set search_path = '' as $$
declare
  target regclass;
begin
  if bellwether.shape() = 'dedicated' then
    raise exception 'this database is one tenant''s' using errcode = 'invalid_parameter_value';
  end if;
  insert into bellwether.tenant_login (login, tenant_id) values (role, tenant) on conflict (login) do nothing;
  perform bellwether.reshape();
  for target in select t from bellwether.tables_of_tenants() t loop
    perform bellwether.give_rows(target, tenant);
  end loop;
end
$$;

-- Where users have one alert each, the newest stays. In a shared database that holds for each tenant.
create or replace function bellwether.one_alert_a_user(target regclass) returns void
language plpgsql set search_path = '' as $$
begin
  execute format('with ranked as (
      select id, row_number() over (partition by tenant_id, user_id order by created_at desc, id desc) as place
      from %1$s
    ), gone as (
      delete from %1$s a using ranked r where r.id = a.id and r.place > 1
      returning a.*
    )
    insert into bellwether.quarantine (source_table, reason, content)
      select $1, ''the user has a newer alert'', to_jsonb(gone) from gone', target)
    using bellwether.table_name(target);
  if bellwether.shape() <> 'shared' and not exists (
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

-- Who may get mail: of a shared database's users, those whom Auth says to be the tenant's.
create or replace view bellwether.recipients as
  select u.id as user_id, u.email::text as email
  from auth.users u
  where u.email_confirmed_at is not null
    and u.deleted_at is null
    and (u.banned_until is null or u.banned_until <= now())
    and u.email <> ''
    and not exists (select from bellwether.auth_list l where l.tenant_id = (select bellwether.acting_tenant()))
    and ((select bellwether.shape()) <> 'shared'
         or u.raw_app_meta_data ->> 'tenant_id' = (select bellwether.acting_tenant()))
  union all
  select r.user_id, r.email
  from bellwether.auth_recipient r
  where r.tenant_id = (select bellwether.acting_tenant())
    and ((select bellwether.shape()) <> 'shared' or exists (
      select from auth.users u
      where u.id = r.user_id and u.raw_app_meta_data ->> 'tenant_id' = (select bellwether.acting_tenant())));

-- Notes what other servers said of a mail, and stops mail to its recipient where that follows. Reports can be forged by
-- anybody, so nothing is believed of a mail that this tenant did not send to one of these addresses.
create or replace function bellwether.note_bounce(name text, message text, addresses text[], effect text, what text,
                                                  why text) returns text
language plpgsql set search_path = '' as $$
declare
  tenant text := bellwether.acting_tenant();
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

select bellwether.add_tenant('bellwether.tenant_login');
select bellwether.lock_down('bellwether.tenant_login');
create policy login on bellwether.tenant_login for all to current_user
  using (tenant_id <> '') with check (tenant_id <> '');

revoke all on all functions in schema bellwether from public;
grant execute on function bellwether.shape() to bellwether_pipeline, bellwether_gateway;
grant execute on function bellwether.acting_tenant() to bellwether_pipeline, bellwether_gateway;

select bellwether.reshape();

insert into bellwether.schema_migration (version) values ('20260301001700') on conflict do nothing;

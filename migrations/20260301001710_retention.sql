-- What is kept about users is kept for a time, and what is kept about one of them goes when that one is to be forgotten.
-- Both are functions that the pipeline's role calls: it deletes nothing by itself. Safe to run again.

-- Who was forgotten: what the log still holds of them is written no more. Nothing but the id is kept, and it goes when
-- the user saves an alert again.
create table if not exists bellwether.forgotten_user (
  tenant_id text not null,
  user_id uuid not null,
  at timestamptz not null default now(),
  primary key (tenant_id, user_id)
);
select bellwether.add_tenant('bellwether.forgotten_user');
select bellwether.lock_down('bellwether.forgotten_user');
create policy pipeline_read on bellwether.forgotten_user for select to bellwether_pipeline
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
create policy forget on bellwether.forgotten_user for all to current_user
  using (tenant_id <> '') with check (tenant_id <> '');
grant select on bellwether.forgotten_user to bellwether_pipeline;

-- The owner's functions remove rows of the tenant that calls them, and row security binds the owner, too.
create or replace function bellwether.let_owner_remove(target regclass) returns void
language plpgsql set search_path = '' as $$
begin
  execute format('drop policy if exists remove on %s', target);
  execute format('create policy remove on %s for all to current_user
      using (tenant_id = (select bellwether.acting_tenant()))
      with check (tenant_id = (select bellwether.acting_tenant()))', target);
end
$$;

-- Where rows of a table are looked for by their age: as they came, so that a few pages stand for many rows.
create or replace function bellwether.index_by_age(target regclass, col text) returns void
language plpgsql set search_path = '' as $$
begin
  execute format('create index if not exists %I on %s using brin (%I)',
                 bellwether.table_name(target) || '_age', target, col);
end
$$;

-- A user who saves an alert again is no longer forgotten.
create or replace function bellwether.remember() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from bellwether.forgotten_user f using saved n where f.tenant_id = n.tenant_id and f.user_id = n.user_id;
  return null;
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
  execute format('create or replace trigger bellwether_remember after insert on %s referencing new table as saved
      for each statement execute function bellwether.remember()', target);
  perform bellwether.lock_down(target);
  execute format('create policy own on %s for all to authenticated
      using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id)', target);
  execute format('create policy pipeline_read on %s for select to bellwether_pipeline
      using (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))', target);
  -- The truncating capture trigger reads what is about to go.
  execute format('create policy capture on %s for select to current_user using (tenant_id <> '''')', target);
  perform bellwether.let_owner_remove(target);
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
  perform bellwether.let_owner_remove(target);
  perform bellwether.index_by_age(target, 'created_at');
  execute format('grant select on %s to authenticated', target);
  execute format('grant update (is_acknowledged, acknowledged_at) on %s to authenticated', target);
  execute format('grant select, insert on %s to bellwether_pipeline', target);
end
$$;

-- The tables of triggers there are, of whatever kind.
create or replace function bellwether.tables_of_triggers() returns setof regclass
language sql stable set search_path = '' as $$
  select t from bellwether.tables_of_tenants() t
  join pg_catalog.pg_attribute a on a.attrelid = t and a.attname = 'triggered_at' and not a.attisdropped
$$;

-- The tables in which users configure alerts: their changes are captured.
create or replace function bellwether.tables_of_alerts() returns setof regclass
language sql stable set search_path = '' as $$
  select distinct t from bellwether.tables_of_tenants() t
  join pg_catalog.pg_trigger g on g.tgrelid = t and g.tgfoid = to_regproc('bellwether.capture')
$$;

do $$
declare
  target regclass;
begin
  for target in select t from bellwether.tables_of_triggers() t loop
    perform bellwether.let_owner_remove(target);
    perform bellwether.index_by_age(target, 'created_at');
  end loop;
  for target in select t from bellwether.tables_of_alerts() t loop
    perform bellwether.let_owner_remove(target);
    execute format('create or replace trigger bellwether_remember after insert on %s referencing new table as saved
        for each statement execute function bellwether.remember()', target);
  end loop;
  foreach target in array array['public.alert_status', 'public.notification_preferences', 'public.user_events',
                                'public.user_line', 'bellwether.mail_outbox', 'bellwether.mail_event',
                                'bellwether.mail_suppression', 'bellwether.auth_recipient', 'bellwether.quarantine',
                                'bellwether.sink_cursor']::regclass[]
  loop
    perform bellwether.let_owner_remove(target);
  end loop;
end
$$;
-- Each has what the policy `remove` allows, and for the acting tenant alone.
drop policy if exists retire on public.user_line;
drop policy if exists retire_read on public.user_events;
drop policy if exists retire on public.user_events;

select bellwether.index_by_age('bellwether.mail_event', 'at');
create index if not exists mail_outbox_kept on bellwether.mail_outbox (tenant_id, created_at)
  where content is not null and state in ('sent', 'failed', 'suppressed', 'digested');
create index if not exists mail_outbox_of_user on bellwether.mail_outbox (tenant_id, user_id);

-- Removes at most `most` of the tenant's events from before that time; how many went. Only whole beginnings of lines go,
-- so that what is left has no holes. Lines are locked in the order in which sinks lock them.
create or replace function bellwether.retire_events(tenant text, before timestamptz, most integer) returns bigint
language plpgsql set search_path = '' as $$
declare
  line record;
  stop bigint;
  removed bigint := 0;
  gone bigint;
begin
  for line in
    select l.user_id, l.first_seq, l.next_seq from public.user_line l
    join public.user_events e on e.tenant_id = l.tenant_id and e.user_id = l.user_id and e.seq = l.first_seq
    where l.tenant_id = tenant and e.at < before
    order by l.user_id for update of l
  loop
    exit when removed >= most;
    select e.seq into stop from public.user_events e
      where e.tenant_id = tenant and e.user_id = line.user_id and e.seq >= line.first_seq and e.at >= before
      order by e.seq limit 1;
    stop := least(coalesce(stop, line.next_seq), line.first_seq + most - removed);
    delete from public.user_events e
      where e.tenant_id = tenant and e.user_id = line.user_id and e.seq >= line.first_seq and e.seq < stop;
    get diagnostics gone = row_count;
    update public.user_line l set first_seq = stop where l.tenant_id = tenant and l.user_id = line.user_id;
    removed := removed + gone;
  end loop;
  return removed;
end
$$;

-- Removes what the tenant's table holds from before that time, `most` rows at once; how many went. Of a mail that was
-- dealt with only its content goes: that it was sent, and what became of it, stays. A trigger's age is that of its row:
-- what it is about may be history.
create or replace function bellwether.retire(target text, before timestamptz, most integer) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  tenant text := bellwether.acting_tenant();
  gone bigint;
begin
  if before is null or before > now() - interval '30 days' then
    raise exception 'what is younger than 30 days is not retired' using errcode = 'invalid_parameter_value';
  end if;
  if tenant is null or most is null then
    raise exception 'nobody''s rows are retired' using errcode = 'invalid_parameter_value';
  elsif target = 'user_events' then
    return bellwether.retire_events(tenant, before, most);
  elsif target = 'mail_event' then
    delete from bellwether.mail_event where tenant_id = tenant and id in (
      select e.id from bellwether.mail_event e where e.tenant_id = tenant and e.at < before limit most);
  elsif target = 'mail_outbox' then
    update bellwether.mail_outbox m set content = null, content_sha256 = coalesce(m.content_sha256, sha256(m.content))
      where m.tenant_id = tenant and m.occurrence in (
        select o.occurrence from bellwether.mail_outbox o
        where o.tenant_id = tenant and o.content is not null and o.created_at < before
          and o.state in ('sent', 'failed', 'suppressed', 'digested')
        order by o.created_at limit most for update skip locked);
  elsif to_regclass(format('public.%I', target)) in (select t from bellwether.tables_of_triggers() t) then
    execute format('delete from public.%1$I where tenant_id = $1 and id in (
        select id from public.%1$I where tenant_id = $1 and created_at < $2 limit $3)', target)
      using tenant, before, most;
  else
    raise exception 'nothing of % is retired', target using errcode = 'invalid_parameter_value';
  end if;
  get diagnostics gone = row_count;
  return gone;
end
$$;

-- Removes what the acting tenant's database holds of a user: by table, how many rows went. Alerts are deleted as the
-- user would delete them, so the engine hears of it. What the log still holds of the user is not written any more.
create or replace function bellwether.forget(who uuid) returns table (source text, removed bigint)
language plpgsql security definer set search_path = '' as $$
declare
  tenant text := bellwether.acting_tenant();
  target regclass;
  addresses text[];
begin
  if tenant is null or who is null then
    raise exception 'nobody is forgotten' using errcode = 'invalid_parameter_value';
  elsif bellwether.shape() = 'shared' and exists (
    select from auth.users u where u.id = who and u.raw_app_meta_data ->> 'tenant_id' is distinct from tenant) then
    raise exception 'user % is not a user of tenant %', who, tenant using errcode = 'no_data_found';
  end if;
  -- Sinks lock their cursors before they write: after this nobody is writing of the user, and whoever begins to sees
  -- that there is nobody to write of.
  perform from bellwether.sink_cursor c where c.tenant_id = tenant order by c.sink for update;
  insert into bellwether.forgotten_user (tenant_id, user_id) values (tenant, who) on conflict do nothing;
  select array_agg(lower(a.address)) into addresses from (
    select m.recipient from bellwether.mail_outbox m where m.tenant_id = tenant and m.user_id = who
    union select r.email from bellwether.auth_recipient r where r.tenant_id = tenant and r.user_id = who
    union select u.email from auth.users u where u.id = who) a (address);

  for target in select t from bellwether.tables_of_alerts() t
                union all select t from bellwether.tables_of_triggers() t
                union all select t from unnest(array['public.alert_status', 'public.notification_preferences',
                  'public.user_events', 'public.user_line', 'bellwether.auth_recipient']::regclass[]) t
  loop
    source := bellwether.table_name(target);
    execute format('delete from %s where tenant_id = $1 and user_id = $2', target) using tenant, who;
    get diagnostics removed = row_count;
    return next;
  end loop;

  source := 'mail_event';
  delete from bellwether.mail_event e using bellwether.mail_outbox m
    where e.tenant_id = tenant and m.tenant_id = tenant and m.user_id = who and e.occurrence = m.occurrence;
  get diagnostics removed = row_count;
  return next;
  source := 'mail_outbox';
  delete from bellwether.mail_outbox m where m.tenant_id = tenant and m.user_id = who;
  get diagnostics removed = row_count;
  return next;
  source := 'mail_suppression';
  delete from bellwether.mail_suppression s where s.tenant_id = tenant and s.address = any (addresses);
  get diagnostics removed = row_count;
  return next;
  source := 'quarantine';
  delete from bellwether.quarantine q
    where q.tenant_id = tenant and (q.content ->> 'user_id' = who::text or lower(q.content ->> 'user_email') = any (addresses));
  get diagnostics removed = row_count;
  return next;
end
$$;

-- Who may get mail: of a shared database's users, those whom Auth says to be the tenant's. Nobody who was forgotten.
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
    and not exists (select from bellwether.forgotten_user f
                    where f.tenant_id = (select bellwether.acting_tenant()) and f.user_id = u.id)
  union all
  select r.user_id, r.email
  from bellwether.auth_recipient r
  where r.tenant_id = (select bellwether.acting_tenant())
    and ((select bellwether.shape()) <> 'shared' or exists (
      select from auth.users u
      where u.id = r.user_id and u.raw_app_meta_data ->> 'tenant_id' = (select bellwether.acting_tenant())))
    and not exists (select from bellwether.forgotten_user f where f.tenant_id = r.tenant_id and f.user_id = r.user_id);

revoke all on all functions in schema bellwether from public;
grant execute on function bellwether.retire(text, timestamptz, integer) to bellwether_pipeline;
grant execute on function bellwether.forget(uuid) to bellwether_pipeline;

select bellwether.reshape();

insert into bellwether.schema_migration (version) values ('20260301001710') on conflict do nothing;

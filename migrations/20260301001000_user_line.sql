-- The line to the browser: every event of a user under a number, 1, 2, 3 … without holes, so that who reads can tell
-- what is missing and ask for it. Safe to run again.

-- The next number of each user, and the first that is still kept: who asks for one before it is told so by this row.
create table if not exists public.user_line (
  tenant_id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  next_seq bigint not null default 1,
  first_seq bigint not null default 1,
  primary key (tenant_id, user_id),
  check (1 <= first_seq and first_seq <= next_seq)
);
create index if not exists user_line_user on public.user_line (user_id);

-- Events go with their line, and a line with its user. trigger_id refers to nothing: a row that its user deletes
-- leaves its event.
create table if not exists public.user_events (
  tenant_id text not null,
  user_id uuid not null,
  seq bigint not null,
  at timestamptz not null default now(),
  type text not null check (type in ('trigger', 'status')),
  kind text not null,
  alert_id uuid not null,
  trigger_id uuid,
  payload jsonb not null,
  primary key (tenant_id, user_id, seq),
  constraint user_events_line_fkey foreign key (tenant_id, user_id)
    references public.user_line (tenant_id, user_id) on delete cascade,
  constraint user_events_trigger_check check ((type = 'trigger') = (trigger_id is not null))
);

select bellwether.add_tenant('public.user_line');
select bellwether.add_tenant('public.user_events');

select bellwether.lock_down('public.user_line');
create policy own_read on public.user_line for select to authenticated using ((select auth.uid()) = user_id);
create policy pipeline on public.user_line for all to bellwether_pipeline
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''))
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
grant select on public.user_line to authenticated;
grant select, insert, update on public.user_line to bellwether_pipeline;

-- Nobody changes an event, and only bellwether.retire removes some. The tenant stands in the policy for the primary
-- key's sake: with it `seq > …` is sought, not searched for among the events of all users.
select bellwether.lock_down('public.user_events');
create policy own_read on public.user_events for select to authenticated
  using ((select auth.uid()) = user_id
         and tenant_id = (select l.tenant_id from public.user_line l where l.user_id = (select auth.uid())));
create policy pipeline_write on public.user_events for insert to bellwether_pipeline
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
grant select on public.user_events to authenticated;
grant insert on public.user_events to bellwether_pipeline;

-- bellwether.retire runs as this role, which row security binds too.
create policy retire on public.user_line for all to current_user using (tenant_id <> '') with check (tenant_id <> '');
create policy retire_read on public.user_events for select to current_user using (tenant_id <> '');
create policy retire on public.user_events for delete to current_user using (tenant_id <> '');

-- Removes what the tenant's table holds from before that time, `most` rows at once; how many went. Only whole
-- beginnings of lines go, so that what is left has no holes. Lines are locked in the order in which sinks lock them.
create or replace function bellwether.retire(target text, before timestamptz, most integer) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  tenant text := nullif(current_setting('app.tenant_id', true), '');
  line record;
  stop bigint;
  removed bigint := 0;
  gone bigint;
begin
  if target <> 'user_events' then
    raise exception 'nothing of % is retired', target using errcode = 'invalid_parameter_value';
  end if;
  if before > now() - interval '30 days' then
    raise exception 'what is younger than 30 days is not retired' using errcode = 'invalid_parameter_value';
  end if;
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

-- Tells each user's page the newest of the events that were just written. Only a hint: what goes wrong with it costs
-- no event.
create or replace function bellwether.hint() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  newest public.user_events;
begin
  for newest in select distinct on (f.user_id) f.* from fresh f order by f.user_id, f.seq desc loop
    begin
      perform realtime.broadcast_changes('user_events:' || newest.user_id, 'INSERT', 'INSERT', 'user_events', 'public',
                                         newest, null::public.user_events);
    exception when others then
      raise warning 'no hint of event % of user %: %', newest.seq, newest.user_id, sqlerrm;
    end;
  end loop;
  return null;
end
$$;

-- How pages hear that there is something new: `publication` (supabase_realtime), `broadcast`
-- (realtime.broadcast_changes) or `none`. Answers what came of it: `none` where there is nothing to announce with.
create or replace function bellwether.announce(how text) returns text
language plpgsql set search_path = '' as $$
declare
  published boolean := exists (
    select from pg_catalog.pg_publication_rel r join pg_catalog.pg_publication p on p.oid = r.prpubid
    where p.pubname = 'supabase_realtime' and r.prrelid = 'public.user_events'::regclass);
  tables text := (select case when p.puballtables then 'all' else 'some' end
                  from pg_catalog.pg_publication p where p.pubname = 'supabase_realtime');
begin
  if how is null or how not in ('publication', 'broadcast', 'none') then
    raise exception '% announces nothing: publication, broadcast or none', how using errcode = 'invalid_parameter_value';
  end if;
  drop trigger if exists bellwether_hint on public.user_events;
  if to_regclass('realtime.messages') is not null then
    drop policy if exists bellwether_own_hints on realtime.messages;
  end if;
  if tables = 'some' and how = 'publication' and not published then
    alter publication supabase_realtime add table public.user_events;
  elsif published and how <> 'publication' then
    alter publication supabase_realtime drop table public.user_events;
  end if;
  if how = 'publication' then
    return case when tables is null then 'none' else how end;
  end if;
  if how = 'broadcast' and exists (select from pg_catalog.pg_proc f where f.proname = 'broadcast_changes'
                                     and f.pronamespace = to_regnamespace('realtime')) then
    create trigger bellwether_hint after insert on public.user_events referencing new table as fresh
      for each statement execute function bellwether.hint();
    -- A private channel: without this policy nobody may listen to it.
    if to_regclass('realtime.messages') is not null and to_regprocedure('realtime.topic()') is not null then
      create policy bellwether_own_hints on realtime.messages for select to authenticated
        using (realtime.topic() = 'user_events:' || (select auth.uid()));
    end if;
    return how;
  end if;
  return 'none';
end
$$;

revoke all on all functions in schema bellwether from public;
grant execute on function bellwether.retire(text, timestamptz, integer) to bellwether_pipeline;

-- `tenants init` sets what the tenant's file says; until then, and where it says nothing, the publication has the table.
do $$
begin
  if not exists (select from pg_catalog.pg_trigger t
                 where t.tgrelid = 'public.user_events'::regclass and t.tgname = 'bellwether_hint') then
    perform bellwether.announce('publication');
  end if;
exception
  when insufficient_privilege then
    raise warning 'publication supabase_realtime belongs to somebody else: let them add table public.user_events';
end
$$;

insert into bellwether.schema_migration (version) values ('20260301001000') on conflict do nothing;

-- Captures a statement's rows together, not one after the other: a hundred thousand rows changed at once hold their user
-- up a fraction of the time. Safe to run again.

-- Raises the alerts' versions and queues their changes, in the user's own transaction and in the order of the list. An
-- alert comes once in it. `others` are the columns that cannot change a result: what is left of a row is queued.
create or replace function bellwether.queue_changes(kind text, alerts jsonb[], others text[], deleted boolean)
returns void language sql set search_path = '' as $$
  with changed as (
    -- Before `tenants init` rows are nobody's: the first reconcile publishes what is there.
    select a.alert ->> 'tenant_id' as tenant_id, (a.alert ->> 'id')::uuid as alert_id, a.alert, a.place
    from unnest(alerts) with ordinality as a (alert, place)
    where a.alert ->> 'tenant_id' <> ''
  ), raised as (
    insert into bellwether.alert_version as counter (tenant_id, alert_id, version)
      select c.tenant_id, c.alert_id, 1 from changed c order by c.place
      on conflict (tenant_id, alert_id) do update set version = counter.version + 1
      returning counter.tenant_id, counter.alert_id, counter.version
  )
  insert into bellwether.alert_change (tenant_id, alert_id, kind, user_id, version, active, deleted, parameters)
    select c.tenant_id, c.alert_id, queue_changes.kind, (c.alert ->> 'user_id')::uuid, r.version,
      (c.alert ->> 'is_active')::boolean, queue_changes.deleted, c.alert - others
    from changed c join raised r on r.tenant_id = c.tenant_id and r.alert_id = c.alert_id
    order by c.place
$$;

-- Statement trigger of every alert table. Arguments: the kind, then its own columns that can change a result.
-- An update that leaves those, the user and is_active as they were is no change.
create or replace function bellwether.capture() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  kind text := tg_argv[0];
  columns text[] := tg_argv[1:];
  unwatched text[] := array(
    select a.attname::text from pg_catalog.pg_attribute a
    where a.attrelid = tg_relid and a.attnum > 0 and not a.attisdropped
      and a.attname <> all (columns || array['user_id', 'is_active']));
  others text[] := unwatched || array['user_id', 'is_active'];
  gone jsonb[];
  there jsonb[];
begin
  if tg_op = 'INSERT' then
    select array_agg(to_jsonb(n) order by n.id) into there from new_rows n;
  elsif tg_op = 'UPDATE' then
    select array_agg(to_jsonb(o) order by o.id) into gone from old_rows o
      where not exists (select from new_rows n where n.id = o.id and n.tenant_id = o.tenant_id);
    select array_agg(to_jsonb(n) order by n.id) into there
      from new_rows n left join old_rows o on n.id = o.id and n.tenant_id = o.tenant_id
      where o.id is null
        or to_jsonb(n) - unwatched is distinct from to_jsonb(o) - unwatched;
  elsif tg_op = 'DELETE' then
    select array_agg(to_jsonb(o) order by o.id) into gone from old_rows o;
  else
    execute format('select array_agg(to_jsonb(o) order by o.id) from %I.%I o', tg_table_schema, tg_table_name)
      into gone;
  end if;
  perform bellwether.queue_changes(kind, gone, others, true);
  perform bellwether.queue_changes(kind, there, others, false);
  perform pg_notify('bellwether_alert_change', kind);
  return null;
end
$$;

drop function if exists bellwether.queue_change(text, jsonb, text[], boolean);
drop function if exists bellwether.pick(jsonb, text[]);

revoke all on all functions in schema bellwether from public;

insert into bellwether.schema_migration (version) values ('20260301001730') on conflict do nothing;

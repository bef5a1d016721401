-- What the price did after a user's own triggers of the last thirty days, as the daily brief says it: the newest there is of
-- each user. Safe to run again.
create table if not exists bellwether.user_followed (
  tenant_id text not null,
  user_id uuid not null,
  followed jsonb not null,
  primary key (tenant_id, user_id)
);
select bellwether.add_tenant('bellwether.user_followed');
select bellwether.lock_down('bellwether.user_followed');
create policy pipeline on bellwether.user_followed for all to bellwether_pipeline
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''))
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
select bellwether.let_owner_remove('bellwether.user_followed');
grant select, insert, update, delete on bellwether.user_followed to bellwether_pipeline;

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
  perform bellwether.keep_savers_out(tenant);
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
                  'public.user_events', 'public.user_line', 'bellwether.auth_recipient', 'bellwether.user_followed']::regclass[]) t
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

revoke all on all functions in schema bellwether from public;
grant execute on function bellwether.forget(uuid) to bellwether_pipeline;

select bellwether.reshape();

insert into bellwether.schema_migration (version) values ('20260301001771') on conflict do nothing;

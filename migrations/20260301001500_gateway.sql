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

insert into bellwether.schema_migration (version) values ('20260301001500') on conflict do nothing;

-- RSI alerts and their triggers: made new, or taken over with the rows an earlier back end left. Safe to run again.

create table if not exists public.rsi_tracker_alerts (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  user_email text,
  timeframe text not null default '1H',
  rsi_period integer not null default 14,
  rsi_overbought integer not null default 70,
  rsi_oversold integer not null default 30,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id)
);

-- alert_id has no foreign key: a deleted alert keeps its history, and a trigger may race the deletion.
create table if not exists public.rsi_tracker_alert_triggers (
  tenant_id text not null,
  id uuid not null default gen_random_uuid(),
  alert_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  alert_version bigint not null default 0,
  triggered_at timestamptz not null,
  created_at timestamptz not null default now(),
  symbol text not null,
  timeframe text not null,
  trigger_condition text not null check (trigger_condition in ('overbought', 'oversold')),
  rsi_value numeric(5,2) check (rsi_value between 0 and 100),
  price numeric,
  detail jsonb not null default '{}',
  is_acknowledged boolean not null default false,
  acknowledged_at timestamptz,
  primary key (tenant_id, id)
);

select bellwether.add_tenant('public.rsi_tracker_alerts');
select bellwether.add_tenant('public.rsi_tracker_alert_triggers');

-- Triggers first: the old foreign key would delete history together with the alerts that leave below.
do $$
declare
  name text;
begin
  for name in
    select conname from pg_constraint
    where conrelid = 'public.rsi_tracker_alert_triggers'::regclass and contype = 'f'
      and confrelid = 'public.rsi_tracker_alerts'::regclass
  loop
    execute format('alter table public.rsi_tracker_alert_triggers drop constraint %I', name);
  end loop;
end
$$;

alter table public.rsi_tracker_alert_triggers
  add column if not exists user_id uuid,
  add column if not exists alert_version bigint not null default 0,
  add column if not exists price numeric,
  add column if not exists detail jsonb not null default '{}',
  add column if not exists is_acknowledged boolean not null default false,
  add column if not exists acknowledged_at timestamptz,
  alter column triggered_at drop default;

update public.rsi_tracker_alert_triggers t set user_id = a.user_id
  from public.rsi_tracker_alerts a where a.id = t.alert_id and t.user_id is null and a.user_id is not null;

with gone as (
  delete from public.rsi_tracker_alert_triggers t
  where t.user_id is null or not exists (select from auth.users u where u.id = t.user_id)
  returning t.*
)
insert into bellwether.quarantine (source_table, reason, content)
  select 'rsi_tracker_alert_triggers', 'no user', to_jsonb(gone) from gone;

do $$
begin
  if not exists (
    select from pg_constraint where conrelid = 'public.rsi_tracker_alert_triggers'::regclass and contype = 'p'
      and array_length(conkey, 1) = 2
  ) then
    alter table public.rsi_tracker_alert_triggers drop constraint if exists rsi_tracker_alert_triggers_pkey;
    alter table public.rsi_tracker_alert_triggers add primary key (tenant_id, id);
  end if;
end
$$;

alter table public.rsi_tracker_alert_triggers
  alter column user_id set not null,
  drop constraint if exists rsi_tracker_alert_triggers_user_id_fkey,
  add constraint rsi_tracker_alert_triggers_user_id_fkey
    foreign key (user_id) references auth.users (id) on delete cascade;
create index if not exists rsi_tracker_alert_triggers_user
  on public.rsi_tracker_alert_triggers (user_id, triggered_at desc);

-- Alerts that are nobody's go to nobody: an address in user_email is not an identity.
with gone as (
  delete from public.rsi_tracker_alerts a
  where a.user_id is null or not exists (select from auth.users u where u.id = a.user_id)
  returning a.*
)
insert into bellwether.quarantine (source_table, reason, content)
  select 'rsi_tracker_alerts', 'no user', to_jsonb(gone) from gone;

with ranked as (
  select id, row_number() over (partition by user_id order by created_at desc, id desc) as place
  from public.rsi_tracker_alerts
), gone as (
  delete from public.rsi_tracker_alerts a using ranked r where r.id = a.id and r.place > 1
  returning a.*
)
insert into bellwether.quarantine (source_table, reason, content)
  select 'rsi_tracker_alerts', 'the user has a newer alert', to_jsonb(gone) from gone;

-- What no rule accepts is not guessed: it leaves, and its user sees why.
with judged as (
  select id, case
      when timeframe in ('5M', '15M', '30M', '1H', '4H', '1D', '1W') is not true then
        format('timeframe is %s, it must be one of 5M, 15M, 30M, 1H, 4H, 1D, 1W', coalesce(timeframe, 'not given'))
      when rsi_period between 5 and 50 is not true then
        format('rsi_period is %s, it must be from 5 to 50', coalesce(rsi_period::text, 'not given'))
      when rsi_overbought between 60 and 90 is not true then
        format('rsi_overbought is %s, it must be from 60 to 90', coalesce(rsi_overbought::text, 'not given'))
      when rsi_oversold between 10 and 40 is not true then
        format('rsi_oversold is %s, it must be from 10 to 40', coalesce(rsi_oversold::text, 'not given'))
    end as why
  from public.rsi_tracker_alerts
), gone as (
  delete from public.rsi_tracker_alerts a using judged j where j.id = a.id and j.why is not null
  returning a.*, j.why
), told as (
  insert into public.alert_status (tenant_id, alert_id, kind, user_id, version, state, reason, effective_at)
    select tenant_id, id, 'rsi_tracker', user_id, 0, 'refused', why, now() from gone
    on conflict do nothing
)
insert into bellwether.quarantine (source_table, reason, content)
  select 'rsi_tracker_alerts', why, to_jsonb(gone) - 'why' from gone;

-- Earlier checks allowed one period only. The tenant's own check is set by `tenants init` and stays.
do $$
declare
  name text;
begin
  for name in
    select conname from pg_constraint
    where conrelid = 'public.rsi_tracker_alerts'::regclass and contype = 'c' and conname <> 'bellwether_tenant'
  loop
    execute format('alter table public.rsi_tracker_alerts drop constraint %I', name);
  end loop;
  if not exists (
    select from pg_index
    where indrelid = 'public.rsi_tracker_alerts'::regclass and indisunique and indpred is null and indnkeyatts = 1
      and indkey[0] = (select attnum from pg_attribute
                       where attrelid = indrelid and attname = 'user_id')
  ) then
    alter table public.rsi_tracker_alerts add constraint rsi_tracker_alerts_user_id_key unique (user_id);
  end if;
end
$$;

alter table public.rsi_tracker_alerts
  alter column user_id set not null,
  alter column user_email drop not null,
  alter column timeframe set default '1H',
  alter column timeframe set not null,
  alter column rsi_period set default 14,
  alter column rsi_period set not null,
  alter column rsi_overbought set default 70,
  alter column rsi_overbought set not null,
  alter column rsi_oversold set default 30,
  alter column rsi_oversold set not null,
  add constraint rsi_tracker_alerts_timeframe_check
    check (timeframe in ('5M', '15M', '30M', '1H', '4H', '1D', '1W')),
  add constraint rsi_tracker_alerts_period_check check (rsi_period between 5 and 50),
  add constraint rsi_tracker_alerts_overbought_check check (rsi_overbought between 60 and 90),
  add constraint rsi_tracker_alerts_oversold_check check (rsi_oversold between 10 and 40),
  add constraint rsi_tracker_alerts_order_check check (rsi_overbought > rsi_oversold),
  drop constraint if exists rsi_tracker_alerts_user_id_fkey,
  add constraint rsi_tracker_alerts_user_id_fkey
    foreign key (user_id) references auth.users (id) on delete cascade;

create or replace trigger bellwether_updated before update on public.rsi_tracker_alerts
  for each row execute function bellwether.set_updated_at();
select bellwether.watch('public.rsi_tracker_alerts', 'rsi_tracker',
                        'timeframe', 'rsi_period', 'rsi_overbought', 'rsi_oversold');

select bellwether.lock_down('public.rsi_tracker_alerts');
create policy own on public.rsi_tracker_alerts for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy pipeline_read on public.rsi_tracker_alerts for select to bellwether_pipeline
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
-- The truncating capture trigger reads what is about to go.
create policy capture on public.rsi_tracker_alerts for select to current_user using (tenant_id <> '');
grant select, insert, update, delete on public.rsi_tracker_alerts to authenticated;
grant select on public.rsi_tracker_alerts to bellwether_pipeline;

select bellwether.lock_down('public.rsi_tracker_alert_triggers');
create policy own_read on public.rsi_tracker_alert_triggers for select to authenticated
  using ((select auth.uid()) = user_id);
create policy own_acknowledge on public.rsi_tracker_alert_triggers for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy pipeline_read on public.rsi_tracker_alert_triggers for select to bellwether_pipeline
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
create policy pipeline_write on public.rsi_tracker_alert_triggers for insert to bellwether_pipeline
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
grant select on public.rsi_tracker_alert_triggers to authenticated;
grant update (is_acknowledged, acknowledged_at) on public.rsi_tracker_alert_triggers to authenticated;
grant select, insert on public.rsi_tracker_alert_triggers to bellwether_pipeline;

insert into bellwether.schema_migration (version) values ('20260301000200') on conflict do nothing;

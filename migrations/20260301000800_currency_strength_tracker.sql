-- Alerts on the strongest and the weakest currency, and their triggers. Safe to run again.

create table if not exists public.currency_strength_tracker_alerts (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  user_email text,
  timeframe text not null default '1H',
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id)
);
create table if not exists public.currency_strength_tracker_alert_triggers (
  tenant_id text not null,
  id uuid not null default gen_random_uuid(),
  alert_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  alert_version bigint not null default 0,
  triggered_at timestamptz not null,
  created_at timestamptz not null default now(),
  timeframe text not null,
  role text not null check (role in ('strongest', 'weakest')),
  currency text not null,
  previous_currency text not null,
  score numeric(6,2),
  price numeric,
  detail jsonb not null default '{}',
  is_acknowledged boolean not null default false,
  acknowledged_at timestamptz,
  primary key (tenant_id, id)
);

select bellwether.repair_triggers('public.currency_strength_tracker_alert_triggers', 'public.currency_strength_tracker_alerts');
-- What an earlier back end's table may lack. Its history stays as it is.
alter table public.currency_strength_tracker_alert_triggers
  add column if not exists timeframe text,
  add column if not exists role text,
  add column if not exists currency text,
  add column if not exists previous_currency text,
  add column if not exists score numeric(6,2);

select bellwether.repair_alerts('public.currency_strength_tracker_alerts');
select bellwether.one_alert_a_user('public.currency_strength_tracker_alerts');
select bellwether.refuse_alerts('public.currency_strength_tracker_alerts', 'currency_strength_tracker', reason, array_agg(id))
from (
  select id, case
      when timeframe in ('5M', '15M', '30M', '1H', '4H', '1D', '1W') is not true then
        format('timeframe is %s, it must be one of 5M, 15M, 30M, 1H, 4H, 1D, 1W', coalesce(timeframe, 'not given'))
    end as reason
  from public.currency_strength_tracker_alerts
) judged
where reason is not null group by reason;
select bellwether.drop_checks('public.currency_strength_tracker_alerts');
alter table public.currency_strength_tracker_alerts
  alter column timeframe set default '1H',
  alter column timeframe set not null,
  add constraint currency_strength_tracker_alerts_timeframe_check
    check (timeframe in ('5M', '15M', '30M', '1H', '4H', '1D', '1W'));

select bellwether.own_alerts('public.currency_strength_tracker_alerts', 'currency_strength_tracker', 'timeframe');
select bellwether.own_triggers('public.currency_strength_tracker_alert_triggers');

insert into bellwether.schema_migration (version) values ('20260301000800') on conflict do nothing;

-- A kind that does not exist, with the columns of RSI alerts, over the repairs: as a kind's migration is to be written.

create table if not exists public.made_up_alerts (
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
create table if not exists public.made_up_alert_triggers (
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

select bellwether.repair_triggers('public.made_up_alert_triggers', 'public.made_up_alerts');
select bellwether.repair_alerts('public.made_up_alerts');
select bellwether.one_alert_a_user('public.made_up_alerts');
select bellwether.refuse_alerts('public.made_up_alerts', 'made_up', reason, array_agg(id))
from (
  select id, case
      when timeframe in ('5M', '15M', '30M', '1H', '4H', '1D', '1W') is not true then
        format('timeframe is %s, it must be one of 5M, 15M, 30M, 1H, 4H, 1D, 1W', coalesce(timeframe, 'not given'))
      when rsi_period between 5 and 50 is not true then
        format('rsi_period is %s, it must be from 5 to 50', coalesce(rsi_period::text, 'not given'))
      when rsi_overbought between 60 and 90 is not true then
        format('rsi_overbought is %s, it must be from 60 to 90', coalesce(rsi_overbought::text, 'not given'))
      when rsi_oversold between 10 and 40 is not true then
        format('rsi_oversold is %s, it must be from 10 to 40', coalesce(rsi_oversold::text, 'not given'))
    end as reason
  from public.made_up_alerts
) judged
where reason is not null group by reason;
select bellwether.drop_checks('public.made_up_alerts');
alter table public.made_up_alerts
  alter column timeframe set default '1H',
  alter column timeframe set not null,
  alter column rsi_period set default 14,
  alter column rsi_period set not null,
  alter column rsi_overbought set default 70,
  alter column rsi_overbought set not null,
  alter column rsi_oversold set default 30,
  alter column rsi_oversold set not null,
  add constraint made_up_alerts_timeframe_check
    check (timeframe in ('5M', '15M', '30M', '1H', '4H', '1D', '1W')),
  add constraint made_up_alerts_period_check check (rsi_period between 5 and 50),
  add constraint made_up_alerts_overbought_check check (rsi_overbought between 60 and 90),
  add constraint made_up_alerts_oversold_check check (rsi_oversold between 10 and 40),
  add constraint made_up_alerts_order_check check (rsi_overbought > rsi_oversold);
select bellwether.own_alerts('public.made_up_alerts', 'made_up',
                             'timeframe', 'rsi_period', 'rsi_overbought', 'rsi_oversold');
select bellwether.own_triggers('public.made_up_alert_triggers');

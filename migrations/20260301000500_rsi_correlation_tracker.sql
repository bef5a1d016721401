-- Alerts on pairs that stop moving as expected, and their triggers. Safe to run again.

create table if not exists public.rsi_correlation_tracker_alerts (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  user_email text,
  timeframe text not null default '1H',
  mode text not null default 'rsi_threshold',
  rsi_period integer not null default 14,
  rsi_overbought integer not null default 70,
  rsi_oversold integer not null default 30,
  correlation_window integer not null default 50,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id)
);
create table if not exists public.rsi_correlation_tracker_alert_triggers (
  tenant_id text not null,
  id uuid not null default gen_random_uuid(),
  alert_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  alert_version bigint not null default 0,
  triggered_at timestamptz not null,
  created_at timestamptz not null default now(),
  pair_key text not null,
  timeframe text not null,
  mode text not null check (mode in ('rsi_threshold', 'real_correlation')),
  trigger_type text not null check (trigger_type in ('rsi_mismatch', 'real_mismatch')),
  value numeric(6,3),
  price numeric,
  detail jsonb not null default '{}',
  is_acknowledged boolean not null default false,
  acknowledged_at timestamptz,
  primary key (tenant_id, id)
);

select bellwether.repair_triggers('public.rsi_correlation_tracker_alert_triggers', 'public.rsi_correlation_tracker_alerts');
-- What an earlier back end's table may lack. Its history stays as it is.
alter table public.rsi_correlation_tracker_alert_triggers
  add column if not exists pair_key text,
  add column if not exists timeframe text,
  add column if not exists mode text,
  add column if not exists trigger_type text,
  add column if not exists value numeric(6,3);

select bellwether.repair_alerts('public.rsi_correlation_tracker_alerts');
select bellwether.one_alert_a_user('public.rsi_correlation_tracker_alerts');
-- Earlier pages left out what their mode does not use: those are the defaults.
update public.rsi_correlation_tracker_alerts set
    timeframe = coalesce(timeframe, '1H'), mode = coalesce(mode, 'rsi_threshold'),
    rsi_period = coalesce(rsi_period, 14), rsi_overbought = coalesce(rsi_overbought, 70),
    rsi_oversold = coalesce(rsi_oversold, 30), correlation_window = coalesce(correlation_window, 50)
  where num_nulls(timeframe, mode, rsi_period, rsi_overbought, rsi_oversold, correlation_window) > 0;
select bellwether.refuse_alerts('public.rsi_correlation_tracker_alerts', 'rsi_correlation_tracker', reason, array_agg(id))
from (
  select id, case
      when timeframe in ('5M', '15M', '30M', '1H', '4H', '1D', '1W') is not true then
        format('timeframe is %s, it must be one of 5M, 15M, 30M, 1H, 4H, 1D, 1W', coalesce(timeframe, 'not given'))
      when mode not in ('rsi_threshold', 'real_correlation') then
        format('mode is %s, it must be one of rsi_threshold, real_correlation', mode)
      when rsi_period not between 5 and 50 then
        format('rsi_period is %s, it must be from 5 to 50', rsi_period)
      when rsi_overbought not between 60 and 90 then
        format('rsi_overbought is %s, it must be from 60 to 90', rsi_overbought)
      when rsi_oversold not between 10 and 40 then
        format('rsi_oversold is %s, it must be from 10 to 40', rsi_oversold)
      when correlation_window not in (20, 50, 90, 120) then
        format('correlation_window is %s, it must be one of 20, 50, 90, 120', correlation_window)
    end as reason
  from public.rsi_correlation_tracker_alerts
) judged
where reason is not null group by reason;
select bellwether.drop_checks('public.rsi_correlation_tracker_alerts');
alter table public.rsi_correlation_tracker_alerts
  alter column timeframe set default '1H',
  alter column timeframe set not null,
  alter column mode set default 'rsi_threshold',
  alter column mode set not null,
  alter column rsi_period set default 14,
  alter column rsi_period set not null,
  alter column rsi_overbought set default 70,
  alter column rsi_overbought set not null,
  alter column rsi_oversold set default 30,
  alter column rsi_oversold set not null,
  alter column correlation_window set default 50,
  alter column correlation_window set not null,
  add constraint rsi_correlation_tracker_alerts_timeframe_check
    check (timeframe in ('5M', '15M', '30M', '1H', '4H', '1D', '1W')),
  add constraint rsi_correlation_tracker_alerts_mode_check check (mode in ('rsi_threshold', 'real_correlation')),
  add constraint rsi_correlation_tracker_alerts_period_check check (rsi_period between 5 and 50),
  add constraint rsi_correlation_tracker_alerts_overbought_check check (rsi_overbought between 60 and 90),
  add constraint rsi_correlation_tracker_alerts_oversold_check check (rsi_oversold between 10 and 40),
  add constraint rsi_correlation_tracker_alerts_window_check check (correlation_window in (20, 50, 90, 120));

select bellwether.own_alerts('public.rsi_correlation_tracker_alerts', 'rsi_correlation_tracker',
                             'timeframe', 'mode', 'rsi_period', 'rsi_overbought', 'rsi_oversold',
                             'correlation_window');
select bellwether.own_triggers('public.rsi_correlation_tracker_alert_triggers');

insert into bellwether.schema_migration (version) values ('20260301000500') on conflict do nothing;

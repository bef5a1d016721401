-- Alerts on one indicator of the heatmap, and their triggers. Safe to run again.

-- 1M is accepted for the rows that have it; it is read as 5M. Indicators are accepted in any letter case.
create table if not exists public.heatmap_indicator_tracker_alerts (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  user_email text,
  pairs jsonb not null,
  timeframe text not null default '1H',
  indicator text not null,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id)
);
create table if not exists public.heatmap_indicator_tracker_alert_triggers (
  tenant_id text not null,
  id uuid not null default gen_random_uuid(),
  alert_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  alert_version bigint not null default 0,
  triggered_at timestamptz not null,
  created_at timestamptz not null default now(),
  symbol text not null,
  timeframe text not null,
  indicator text not null,
  signal text not null check (signal in ('buy', 'sell')),
  price numeric,
  detail jsonb not null default '{}',
  is_acknowledged boolean not null default false,
  acknowledged_at timestamptz,
  primary key (tenant_id, id)
);

select bellwether.repair_triggers('public.heatmap_indicator_tracker_alert_triggers', 'public.heatmap_indicator_tracker_alerts');
-- What an earlier back end's table may lack. Its history stays as it is.
alter table public.heatmap_indicator_tracker_alert_triggers
  add column if not exists symbol text,
  add column if not exists timeframe text,
  add column if not exists indicator text,
  add column if not exists signal text;

select bellwether.repair_alerts('public.heatmap_indicator_tracker_alerts');
select bellwether.one_alert_a_user('public.heatmap_indicator_tracker_alerts');
select bellwether.refuse_alerts('public.heatmap_indicator_tracker_alerts', 'heatmap_indicator_tracker', reason, array_agg(id))
from (
  select id, case
      when jsonb_typeof(pairs) is distinct from 'array' then
        'pairs is no list of symbols'
      when jsonb_array_length(pairs) not between 1 and 3 then
        format('pairs has %s symbols, it must have 1 to 3', jsonb_array_length(pairs))
      when octet_length(pairs::text) > 256 then
        'pairs is too long for three symbols'
      when timeframe in ('1M', '5M', '15M', '30M', '1H', '4H', '1D', '1W') is not true then
        format('timeframe is %s, it must be one of 5M, 15M, 30M, 1H, 4H, 1D, 1W', coalesce(timeframe, 'not given'))
      when upper(indicator) in ('EMA21', 'EMA50', 'EMA200', 'MACD', 'RSI', 'UTBOT', 'ICHIMOKUCLONE') is not true then
        format('indicator is %s, it must be one of EMA21, EMA50, EMA200, MACD, RSI, UTBOT, IchimokuClone', coalesce(left(indicator, 64), 'not given'))
    end as reason
  from public.heatmap_indicator_tracker_alerts
) judged
where reason is not null group by reason;
select bellwether.drop_checks('public.heatmap_indicator_tracker_alerts');
alter table public.heatmap_indicator_tracker_alerts
  alter column pairs drop default,
  alter column pairs set not null,
  alter column timeframe set default '1H',
  alter column timeframe set not null,
  alter column indicator set not null,
  add constraint heatmap_indicator_tracker_alerts_pairs_check check (
    case jsonb_typeof(pairs) when 'array' then jsonb_array_length(pairs) between 1 and 3 else false end),
  -- A row is one record of the log, and its numbers are read as doubles: 256 bytes hold neither too much nor 1e400.
  add constraint heatmap_indicator_tracker_alerts_length_check check (octet_length(pairs::text) <= 256),
  add constraint heatmap_indicator_tracker_alerts_timeframe_check
    check (timeframe in ('1M', '5M', '15M', '30M', '1H', '4H', '1D', '1W')),
  add constraint heatmap_indicator_tracker_alerts_indicator_check
    check (upper(indicator) in ('EMA21', 'EMA50', 'EMA200', 'MACD', 'RSI', 'UTBOT', 'ICHIMOKUCLONE'));

select bellwether.own_alerts('public.heatmap_indicator_tracker_alerts', 'heatmap_indicator_tracker',
                             'pairs', 'timeframe', 'indicator');
select bellwether.own_triggers('public.heatmap_indicator_tracker_alert_triggers');

insert into bellwether.schema_migration (version) values ('20260301000700') on conflict do nothing;

-- Alerts on a style's heatmap, and their triggers. Safe to run again.

create table if not exists public.heatmap_tracker_alerts (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  user_email text,
  pairs jsonb not null,
  trading_style text not null default 'swingTrader',
  buy_threshold integer not null default 70,
  sell_threshold integer not null default 30,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id)
);
create table if not exists public.heatmap_tracker_alert_triggers (
  tenant_id text not null,
  id uuid not null default gen_random_uuid(),
  alert_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  alert_version bigint not null default 0,
  triggered_at timestamptz not null,
  created_at timestamptz not null default now(),
  symbol text not null,
  timeframe text not null,
  trading_style text not null check (trading_style in ('scalper', 'swingTrader')),
  trigger_type text not null check (trigger_type in ('buy', 'sell')),
  buy_percent numeric(5,2) not null check (buy_percent between 0 and 100),
  sell_percent numeric(5,2) not null check (sell_percent between 0 and 100),
  final_score numeric(6,2) not null check (final_score between -100 and 100),
  price numeric,
  detail jsonb not null default '{}',
  is_acknowledged boolean not null default false,
  acknowledged_at timestamptz,
  primary key (tenant_id, id)
);

select bellwether.repair_triggers('public.heatmap_tracker_alert_triggers', 'public.heatmap_tracker_alerts');
-- What an earlier back end's table may lack. Its history stays as it is.
alter table public.heatmap_tracker_alert_triggers
  add column if not exists symbol text,
  add column if not exists timeframe text,
  add column if not exists trading_style text,
  add column if not exists trigger_type text,
  add column if not exists buy_percent numeric(5,2),
  add column if not exists sell_percent numeric(5,2),
  add column if not exists final_score numeric(6,2);

select bellwether.repair_alerts('public.heatmap_tracker_alerts');
select bellwether.one_alert_a_user('public.heatmap_tracker_alerts');
select bellwether.refuse_alerts('public.heatmap_tracker_alerts', 'heatmap_tracker', reason, array_agg(id))
from (
  select id, case
      when jsonb_typeof(pairs) is distinct from 'array' then
        'pairs is no list of symbols'
      when jsonb_array_length(pairs) not between 1 and 3 then
        format('pairs has %s symbols, it must have 1 to 3', jsonb_array_length(pairs))
      when octet_length(pairs::text) > 256 then
        'pairs is too long for three symbols'
      when trading_style in ('scalper', 'swingTrader') is not true then
        format('trading_style is %s, it must be one of scalper, swingTrader', coalesce(trading_style, 'not given'))
      when buy_threshold between 0 and 100 is not true then
        format('buy_threshold is %s, it must be from 0 to 100', coalesce(buy_threshold::text, 'not given'))
      when sell_threshold between 0 and 100 is not true then
        format('sell_threshold is %s, it must be from 0 to 100', coalesce(sell_threshold::text, 'not given'))
    end as reason
  from public.heatmap_tracker_alerts
) judged
where reason is not null group by reason;
select bellwether.drop_checks('public.heatmap_tracker_alerts');
alter table public.heatmap_tracker_alerts
  alter column pairs drop default,
  alter column pairs set not null,
  alter column trading_style set default 'swingTrader',
  alter column trading_style set not null,
  alter column buy_threshold set default 70,
  alter column buy_threshold set not null,
  alter column sell_threshold set default 30,
  alter column sell_threshold set not null,
  add constraint heatmap_tracker_alerts_pairs_check check (
    case jsonb_typeof(pairs) when 'array' then jsonb_array_length(pairs) between 1 and 3 else false end),
  -- A row is one record of the log, and its numbers are read as doubles: 256 bytes hold neither too much nor 1e400.
  add constraint heatmap_tracker_alerts_length_check check (octet_length(pairs::text) <= 256),
  add constraint heatmap_tracker_alerts_style_check check (trading_style in ('scalper', 'swingTrader')),
  add constraint heatmap_tracker_alerts_buy_check check (buy_threshold between 0 and 100),
  add constraint heatmap_tracker_alerts_sell_check check (sell_threshold between 0 and 100);

select bellwether.own_alerts('public.heatmap_tracker_alerts', 'heatmap_tracker',
                             'pairs', 'trading_style', 'buy_threshold', 'sell_threshold');
select bellwether.own_triggers('public.heatmap_tracker_alert_triggers');

insert into bellwether.schema_migration (version) values ('20260301000600') on conflict do nothing;

-- Alerts on price levels, many a user, and their triggers. Safe to run again.

-- on_close is the timeframe whose closes are looked at; none: every tick. A level is read as a double, and so are its
-- bounds: what is beyond them is no price, and 1e400 would be no number to whoever reads the row. NaN is above all.
create table if not exists public.price_alerts (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  user_email text,
  symbol text not null check (length(symbol) between 1 and 64),
  above numeric check (above > 0 and above < 1e15),
  below numeric check (below > 0 and below < 1e15),
  on_close text check (on_close in ('5M', '15M', '30M', '1H', '4H', '1D', '1W')),
  fires text not null default 'once' check (fires in ('once', 'every')),
  expires_at timestamptz,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint price_alerts_level_check check (num_nonnulls(above, below) >= 1)
);
create index if not exists price_alerts_user on public.price_alerts (user_id);
-- timeframe is none where ticks are looked at.
create table if not exists public.price_alert_triggers (
  tenant_id text not null,
  id uuid not null default gen_random_uuid(),
  alert_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  alert_version bigint not null default 0,
  triggered_at timestamptz not null,
  created_at timestamptz not null default now(),
  symbol text not null,
  timeframe text,
  side text not null check (side in ('above', 'below')),
  level numeric not null,
  previous numeric,
  price numeric,
  detail jsonb not null default '{}',
  is_acknowledged boolean not null default false,
  acknowledged_at timestamptz,
  primary key (tenant_id, id)
);

select bellwether.add_tenant('public.price_alerts');
select bellwether.repair_triggers('public.price_alert_triggers', 'public.price_alerts');

select bellwether.own_alerts('public.price_alerts', 'price_alert',
                             'symbol', 'above', 'below', 'on_close', 'fires', 'expires_at');
select bellwether.own_triggers('public.price_alert_triggers');

insert into bellwether.schema_migration (version) values ('20260301000900') on conflict do nothing;

-- What is owed by the tenant's own clock: one row for each day of a schedule and each item of the news calendar, whoever
-- writes it first, with what its mails say. Safe to run again.
create table if not exists bellwether.schedule_run (
  tenant_id text not null,
  schedule text not null,
  -- A day of the tenant's calendar, or the id of an item.
  key text not null,
  due_at timestamptz not null,
  state text not null check (state in ('before', 'due', 'missed')),
  delayed boolean not null default false,
  mails bigint not null default 0,
  -- By which clocks the instant was found, and by which edition of the zone data.
  zone text not null,
  zone_data text not null,
  content jsonb,
  created_at timestamptz not null default now(),
  primary key (tenant_id, schedule, key),
  check ((content is not null) = (state = 'due'))
);
create index if not exists schedule_run_due on bellwether.schedule_run (tenant_id, schedule, due_at);

-- A mail of a run has no content until it is claimed for the first time, and none once it is sent: then its hash stays.
alter table bellwether.mail_outbox add column if not exists schedule text;
alter table bellwether.mail_outbox add column if not exists run_key text;
alter table bellwether.mail_outbox add column if not exists content_sha256 bytea;

select bellwether.lock_down('bellwether.schedule_run');
create policy pipeline on bellwether.schedule_run for all to bellwether_pipeline
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''))
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
grant select, insert, update on bellwether.schedule_run to bellwether_pipeline;

insert into bellwether.schema_migration (version) values ('20260301001200') on conflict do nothing;

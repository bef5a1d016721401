-- What the operator was told of a tenant, and whether its mail stands still. Safe to run again.

-- While a row stands, no mail of the tenant is claimed: `bellwether mail pause`.
create table if not exists bellwether.mail_pause (
  tenant_id text primary key,
  paused_at timestamptz not null default now(),
  reason text
);

-- What began with the tenant, and that it is over. One of a kind is open at a time; each end is told once, by whoever
-- takes it first: a process that is killed while it tells keeps the others waiting until its lease ends.
create table if not exists bellwether.incident (
  id bigserial primary key,
  tenant_id text not null,
  kind text not null,
  text text not null,
  began_at timestamptz not null,
  told_at timestamptz,
  ended_at timestamptz,
  ended_told_at timestamptz,
  lease_until timestamptz
);
create unique index if not exists incident_open on bellwether.incident (tenant_id, kind) where ended_at is null;
create index if not exists incident_untold on bellwether.incident (tenant_id, kind)
  where told_at is null or (ended_at is not null and ended_told_at is null);

do $$
declare
  name text;
begin
  foreach name in array array['mail_pause', 'incident']
  loop
    perform bellwether.lock_down(format('bellwether.%I', name)::regclass);
    execute format('create policy pipeline on bellwether.%I for all to bellwether_pipeline
      using (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))
      with check (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))', name);
  end loop;
end
$$;
grant select, insert, update, delete on bellwether.mail_pause to bellwether_pipeline;
-- What was told stays told.
grant select, insert, update on bellwether.incident to bellwether_pipeline;
grant usage on sequence bellwether.incident_id_seq to bellwether_pipeline;

insert into bellwether.schema_migration (version) values ('20260301001600') on conflict do nothing;

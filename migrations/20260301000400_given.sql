-- Tables that come to be after a database was given to its tenant are that tenant's from the beginning.
-- Safe to run again.

-- The tenant that `tenants init` gave the database to; '' before that.
create or replace function bellwether.owner_tenant() returns text
language sql stable set search_path = '' as $$
  select coalesce((
    select substring(pg_catalog.pg_get_constraintdef(k.oid) from '''([a-z0-9-]+)''')
    from pg_catalog.pg_constraint k
    where k.conrelid = 'bellwether.quarantine'::regclass and k.conname = 'bellwether_tenant'
  ), '')
$$;

-- A table from before us gets the column. Where the database has a tenant, its rows, its default and its check are
-- that tenant's; else its rows are nobody's ('') until `tenants init` names one.
create or replace function bellwether.add_tenant(target regclass) returns void
language plpgsql set search_path = '' as $$
declare
  tenant text := bellwether.owner_tenant();
begin
  if not exists (
    select from pg_catalog.pg_attribute
    where attrelid = target and attname = 'tenant_id' and not attisdropped
  ) then
    execute format('alter table %s add column tenant_id text not null default %L', target, tenant);
    execute format('alter table %s alter column tenant_id drop default', target);
  end if;
  if tenant <> '' and not exists (
    select from pg_catalog.pg_constraint where conrelid = target and conname = 'bellwether_tenant'
  ) then
    execute format('alter table %s alter column tenant_id set default %L', target, tenant);
    execute format('alter table %s add constraint bellwether_tenant check (tenant_id = %L)', target, tenant);
  end if;
end
$$;

revoke all on all functions in schema bellwether from public;

insert into bellwether.schema_migration (version) values ('20260301000400') on conflict do nothing;

-- Stands in for what a Supabase project comes with: roles, default grants, schema auth with its users and the
-- functions policies call. For development and tests; refuses to touch a real schema auth. Safe to run again.

do $$
begin
  if to_regnamespace('auth') is not null
     and obj_description(to_regnamespace('auth'), 'pg_namespace') is distinct from 'bellwether development stand-in'
  then
    raise exception 'schema auth exists and is not ours: the development bootstrap does not touch it';
  end if;
end
$$;

-- Roles belong to the cluster: another database may be making them at this moment.
do $$
begin
  if to_regrole('anon') is null then create role anon nologin; end if;
exception when duplicate_object or unique_violation then null;
end
$$;
do $$
begin
  if to_regrole('authenticated') is null then create role authenticated nologin; end if;
exception when duplicate_object or unique_violation then null;
end
$$;
do $$
begin
  if to_regrole('service_role') is null then create role service_role nologin bypassrls; end if;
exception when duplicate_object or unique_violation then null;
end
$$;

grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;

create schema if not exists auth;
comment on schema auth is 'bellwether development stand-in';
grant usage on schema auth to anon, authenticated, service_role;

create table if not exists auth.users (
  id uuid primary key default gen_random_uuid(),
  email varchar(255),
  encrypted_password varchar(255),
  email_confirmed_at timestamptz,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  banned_until timestamptz,
  deleted_at timestamptz,
  is_anonymous boolean not null default false
);
create unique index if not exists users_email on auth.users (email);
alter table auth.users enable row level security;

create or replace function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim', true), ''),
                  nullif(current_setting('request.jwt.claims', true), ''))::jsonb
$$;
create or replace function auth.uid() returns uuid language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
                  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$$;
create or replace function auth.role() returns text language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.role', true), ''),
                  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
$$;

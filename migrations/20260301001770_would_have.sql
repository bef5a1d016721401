-- How often an alert's version would have fired before it was there, as far as that is known: what a front end shows beside
-- the form. It is of the row's version; the next version begins without. Safe to run again.

alter table public.alert_status add column if not exists would_have jsonb;

insert into bellwether.schema_migration (version) values ('20260301001770') on conflict do nothing;

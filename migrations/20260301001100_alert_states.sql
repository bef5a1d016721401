-- States of an alert as the specification lists them: an operator may disable one, too.

alter table public.alert_status drop constraint if exists alert_status_state_check;
alter table public.alert_status add constraint alert_status_state_check
  check (state in ('active', 'warming', 'refused', 'inactive', 'spent', 'expired', 'disabled'));

insert into bellwether.schema_migration (version) values ('20260301001100') on conflict do nothing;

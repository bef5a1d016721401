-- Delivery by several workers: who holds a claim, and what an idempotent provider was told.

-- Who claims mails. A claim holds as long as its worker's lease does, which the worker renews every few seconds in one
-- row, however many mails it holds.
create table if not exists bellwether.mail_worker (
  tenant_id text not null,
  worker uuid not null,
  lease_until timestamptz not null,
  primary key (tenant_id, worker)
);
select bellwether.lock_down('bellwether.mail_worker');
create policy pipeline on bellwether.mail_worker for all to bellwether_pipeline
  using (tenant_id = nullif(current_setting('app.tenant_id', true), ''))
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
grant select, insert, update, delete on bellwether.mail_worker to bellwether_pipeline;

-- Whose claim it is; none of a version that kept no workers.
alter table bellwether.mail_outbox add column if not exists worker uuid;
-- The header that tells an idempotent provider that it has the mail already, `NAME: value`; the same in each attempt.
alter table bellwether.mail_outbox add column if not exists idempotency text;
-- Until when the provider remembers it, counted from the first time content began to leave.
alter table bellwether.mail_outbox add column if not exists idempotent_until timestamptz;
-- How often an operator had it sent again: a provider is to take that for another mail.
alter table bellwether.mail_outbox add column if not exists retries integer not null default 0;

insert into bellwether.schema_migration (version) values ('20260301001400') on conflict do nothing;

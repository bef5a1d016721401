-- What each applied file said, so that one that was changed afterwards is noticed. A file does not know its own checksum:
-- `bellwether migrate` adds it, also where somebody else ran the file. Safe to run again.

alter table bellwether.schema_migration add column if not exists checksum text;

insert into bellwether.schema_migration (version) values ('20260301001720') on conflict do nothing;

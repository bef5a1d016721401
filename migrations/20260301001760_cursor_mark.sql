-- A record of the triggers topic that a sink's cursor was moved past: its offset and the SHA-256 of its key and value. Where
-- the topic does not have it, it was deleted and made anew, or the log is another one, and the cursor says nothing of it.
-- Safe to run again.

alter table bellwether.sink_cursor
  add column if not exists mark_offset bigint,
  add column if not exists mark_content bytea;

insert into bellwether.schema_migration (version) values ('20260301001760') on conflict do nothing;

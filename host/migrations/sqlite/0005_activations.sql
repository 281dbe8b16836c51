-- What made an activation, and which earlier one it repeats.

-- Null: the connection's file.
alter table activations add column origin text;
alter table activations add column repeats bigint;

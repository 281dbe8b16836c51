-- How long a pass was tried, while that time stands still because it waits for something that is no try of its own (its
-- destination, its shop, a trigger that lies there). While it runs, `retry_since_ms` says since when, and this is null.
alter table passes add column tried_ms bigint;

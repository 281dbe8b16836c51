-- SQLite compresses nothing, and has no indexes that hold a row's place.
select 1;

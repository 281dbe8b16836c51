-- SQLite compresses nothing.
select 1;

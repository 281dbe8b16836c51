-- What a pass was mapped by and what that cost, whatever became of the mapping; and the evidence of a mapping after which
-- nothing was to be sent. The evidence of every other one is kept with its attempt.

alter table passes add column mapped_by text;
-- `delivery`, `rejection`, `trap`, `limit`, `invalid`, `not_loaded`.
alter table passes add column mapping_gave text;
-- CPU units, bytes, microseconds.
alter table passes add column mapping_cpu bigint;
alter table passes add column mapping_memory bigint;
alter table passes add column mapping_us bigint;

alter table pass_bodies add column mapping text;

-- The file that a connection was applied from last, for people who are told what to add to it.
create table connection_files (
    connection_id text primary key,
    file text not null
);

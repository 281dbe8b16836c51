-- Destinations: how each of them is, for all hosts and connections that share it.

create table destinations (
    -- Its address, and a fingerprint of the credential that goes with it.
    id text primary key,
    address text not null,
    -- Failures in a row, and the first of them; what is wrong, and the last in words.
    failures bigint not null,
    since_ms bigint not null,
    kind text not null,
    because text not null,
    -- Since when nothing more is sent there, if so; how often in a row it was found in trouble since.
    opened_ms bigint,
    openings bigint not null,
    next_try_ms bigint not null,
    -- Until when somebody tries; 0 for nobody.
    probe_until_ms bigint not null,
    -- When the next request may leave, where there is a limit.
    free_ms bigint not null default 0,
    -- How the last trouble ended: by an answer, or by whom and why.
    ended_ms bigint,
    ended_by text
);
create index destinations_unwell on destinations (id) where failures > 0;

alter table connections add column destination text;
create index connections_destination on connections (destination);

-- What a connection's people were told is wrong, until they are told that it is over.
create table notices (
    connection_id text not null,
    -- destination, shop
    subject text not null,
    since_ms bigint not null,
    told_ms bigint not null,
    primary key (connection_id, subject)
);

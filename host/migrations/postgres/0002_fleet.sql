-- The hosts of a database, and what only one of them does at a time.

create table hosts (
    id text primary key,
    -- What people call it; usually the machine's name.
    name text not null,
    version text not null,
    started_ms bigint not null,
    -- Its last sign of life.
    seen_ms bigint not null,
    -- It ended in good order then.
    ended_ms bigint,
    -- Orders that it works on.
    in_hand bigint not null,
    -- Why it takes nothing new, if it shall not.
    drain text
);

-- `sweep CONNECTION`, `retention`: whose turn it is. A turn is renewed with each sign of life.
create table turns (
    subject text primary key,
    host text not null,
    until_ms bigint not null
);

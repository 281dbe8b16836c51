-- The verdict on each release, what people decided about it, and connections whose plugin failed too often.

create table admissions (
    digest text primary key,
    verdict text not null,
    by_whom text not null,
    at_ms bigint not null
);

-- The first decision about an item stands.
create table admission_overrides (
    digest text not null,
    item text not null,
    reason text not null,
    by_whom text not null,
    at_ms bigint not null,
    primary key (digest, item)
);

-- A release in quarantine at a connection: nothing is mapped with it there until a person lifts that.
create table quarantines (
    connection_id text not null,
    release_digest text not null,
    since_ms bigint not null,
    -- Calls in a row that failed.
    faults bigint not null,
    -- How the last one failed.
    because text not null,
    lifted_ms bigint,
    lifted_by text,
    lifted_why text,
    primary key (connection_id, release_digest, since_ms)
);
create unique index quarantines_in_force on quarantines (connection_id, release_digest) where lifted_ms is null;

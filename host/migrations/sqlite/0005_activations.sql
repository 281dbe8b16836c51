-- What made an activation, and which earlier one it repeats.

-- Null: the connection's file.
alter table activations add column origin text;
alter table activations add column repeats bigint;

-- An activation that is tried with some new orders. At most one of a connection is open.
create table canaries (
    connection_id text not null,
    -- Its activation.
    number bigint not null,
    -- The activation in force meanwhile.
    old_number bigint not null,
    after_document bigint not null,
    rules text not null,
    figures_before text not null,
    -- running, asking, promoted, went_back, stopped
    state text not null,
    why text not null,
    figures text,
    ended_ms bigint,
    primary key (connection_id, number)
);
create unique index canaries_open on canaries (connection_id) where ended_ms is null;

-- Plugin calls while a canary was open, of both activations.
create table canary_calls (
    connection_id text not null,
    number bigint not null,
    shop_id text not null,
    shop_order_id text not null,
    pass bigint not null,
    activation bigint not null,
    cpu bigint,
    us bigint,
    refused bigint not null,
    faults bigint not null,
    at_ms bigint not null,
    primary key (connection_id, number, shop_id, shop_order_id, pass)
);

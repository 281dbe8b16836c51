-- The ledger's first form. The folder for PostgreSQL holds the same tables under the same names; they differ only in type
-- names and in how running numbers are given.
--
-- Keys begin with the connection, so that tables can be distributed by it. Moments are milliseconds since 1970 (`_ms`).
-- Every question that is asked while orders flow has an index over the open rows only: a million old orders cost nothing.

-- Numbers and words of the whole ledger: `sequence` (grows with every commit), `change` (grows with every act of an
-- administrator), `host_pause` (words: why nothing is taken).
create table meta (
    name text primary key,
    number bigint not null default 0,
    words text
);
insert into meta (name, number) values ('sequence', 0), ('change', 0), ('host_pause', 0);

create table shops (
    id text primary key,
    kind text not null,
    base_address text not null,
    account text not null,
    created_ms bigint not null
);
create unique index shops_identity on shops (kind, base_address, account);

create table connections (
    id text primary key,
    name text not null,
    state text not null,
    state_why text not null,
    state_since_ms bigint not null,
    shop_id text not null,
    config text not null,
    take_from_ms bigint not null,
    activation bigint not null,
    revision bigint not null,
    last_document bigint not null,
    created_ms bigint not null
);
create unique index connections_name on connections (name) where state <> 'removed';

create table activations (
    connection_id text not null,
    number bigint not null,
    release_digest text not null,
    settings_revision bigint not null,
    tables_revision bigint not null,
    by_whom text not null,
    at_ms bigint not null,
    why text not null,
    primary key (connection_id, number)
);

create table plugin_settings (
    connection_id text not null,
    revision bigint not null,
    body text not null,
    primary key (connection_id, revision)
);

create table lookup_tables (
    connection_id text not null,
    revision bigint not null,
    body text not null,
    primary key (connection_id, revision)
);

create table secrets (
    connection_id text not null,
    slot text not null,
    sealed blob not null,
    fingerprint text not null,
    primary key (connection_id, slot)
);

create table logins (
    connection_id text not null,
    slot text not null,
    sealed blob not null,
    fingerprint text not null,
    until_ms bigint not null,
    primary key (connection_id, slot)
);

create table releases (
    digest text primary key,
    description text not null,
    size bigint not null,
    by_whom text not null,
    added_ms bigint not null
);

create table release_bytes (
    digest text primary key,
    bytes blob not null
);

create table intents (
    -- Never one that an ended intent had: a host may still be putting that one away.
    number integer primary key autoincrement,
    connection_id text not null,
    body text not null,
    by_whom text not null,
    left_ms bigint not null,
    taken_by text,
    taken_ms bigint
);
create index intents_open on intents (number) where taken_ms is null;

create table sweeps (
    number integer primary key,
    connection_id text not null,
    shop_id text not null,
    kind text not null,
    started_ms bigint not null,
    ended_ms bigint not null,
    seen bigint not null,
    opened bigint not null,
    error text
);
create index sweeps_all on sweeps (connection_id, shop_id, number);
create index sweeps_good on sweeps (connection_id, shop_id, kind, started_ms) where error is null;

-- One row for each order that a shop ever showed (promise 1).
create table orders (
    connection_id text not null,
    shop_id text not null,
    shop_order_id text not null,
    order_number text not null,
    shop_status text not null,
    placed_ms bigint,
    modified_ms bigint,
    first_seen_ms bigint not null,
    last_seen_ms bigint not null,
    -- When the newest read on record began: an older one changes no decision.
    read_began_ms bigint not null,
    decision text not null,
    decision_kind text not null,
    decision_ms bigint not null,
    confirmed_status text,
    confirmed_ms bigint,
    confirmed_modified_ms bigint,
    -- 1: only a single read can tell what is to be done.
    read_alone bigint not null,
    looked_ms bigint not null,
    -- 0: none.
    last_pass bigint not null,
    -- Lease of the worker that carries out this order's shop effects.
    effects_token text,
    effects_host text,
    effects_until_ms bigint not null,
    primary key (connection_id, shop_id, shop_order_id)
) without rowid;
create index orders_by_shop on orders (shop_id, shop_order_id);
create index orders_number on orders (order_number);
create index orders_shop_order_id on orders (shop_order_id);
create index orders_seen on orders (connection_id, first_seen_ms);
create index orders_seen_anywhere on orders (first_seen_ms);
create index orders_undecided on orders (connection_id, decision_kind, first_seen_ms) where decision_kind <> 'taken';
create index orders_read_alone on orders (connection_id, shop_id, looked_ms) where read_alone = 1;

create table decisions (
    number integer primary key,
    connection_id text not null,
    shop_id text not null,
    shop_order_id text not null,
    at_ms bigint not null,
    decision text not null
);
create index decisions_order on decisions (connection_id, shop_id, shop_order_id, number);

create table timeline (
    number integer primary key,
    connection_id text not null,
    shop_id text not null,
    shop_order_id text not null,
    pass bigint not null,
    at_ms bigint not null,
    line text not null
);
create index timeline_order on timeline (connection_id, shop_id, shop_order_id, number);

create table passes (
    connection_id text not null,
    shop_id text not null,
    shop_order_id text not null,
    pass bigint not null,
    order_number text not null,
    state text not null,
    state_ms bigint not null,
    -- 1 for the order's last pass.
    latest bigint not null,
    opening text not null,
    opened_ms bigint not null,
    closed_ms bigint,
    -- Not before; for unknown and awaiting the next look.
    not_before_ms bigint not null,
    because text not null,
    lease_token text,
    lease_host text,
    lease_until_ms bigint,
    pins text,
    content_hash text,
    mapped_at_ms bigint,
    step bigint not null,
    sealed_state blob,
    idempotency_key text not null,
    document_number bigint not null,
    awaiting text,
    deadline_ms bigint,
    retry_since_ms bigint,
    retries bigint not null,
    takeovers bigint not null,
    attempts bigint not null,
    -- The attempt that the pass is sending, unknown or given up on.
    attempt_token text,
    -- Whether anything may have left; what it was before the present attempt.
    sent bigint not null,
    sent_before bigint not null,
    inherits_unknown bigint not null,
    previous text,
    erp_order_id text,
    erp_order_number text,
    class text,
    field text,
    partial_id text,
    -- 1 while bodies may be kept.
    bodies bigint not null,
    primary key (connection_id, shop_id, shop_order_id, pass)
) without rowid;
create index passes_waiting on passes (connection_id, not_before_ms) where state = 'waiting';
create index passes_leased on passes (connection_id, lease_until_ms) where state in ('claimed', 'mapped', 'sending');
create index passes_looked on passes (connection_id, not_before_ms) where state in ('unknown', 'awaiting');
create index passes_latest on passes (connection_id, state, state_ms) where latest = 1;
create index passes_latest_anywhere on passes (state, state_ms) where latest = 1;
create index passes_erp_id on passes (erp_order_id) where erp_order_id is not null;
create index passes_erp_number on passes (erp_order_number) where erp_order_number is not null;
create index passes_bodies on passes (closed_ms) where bodies = 1 and closed_ms is not null;

-- The order as it was mapped, and the stored step.
create table pass_bodies (
    connection_id text not null,
    shop_id text not null,
    shop_order_id text not null,
    pass bigint not null,
    mapped_order text,
    delivery text,
    primary key (connection_id, shop_id, shop_order_id, pass)
);

create table attempts (
    connection_id text not null,
    shop_id text not null,
    shop_order_id text not null,
    pass bigint not null,
    number bigint not null,
    token text not null,
    step bigint not null,
    purpose text not null,
    phase text not null,
    repeat text not null,
    recorded_ms bigint not null,
    settled_by_ms bigint not null,
    hash text not null,
    recovery text,
    outcome text,
    ended_ms bigint,
    primary key (connection_id, shop_id, shop_order_id, pass, number)
) without rowid;
create index attempts_recorded on attempts (connection_id, recorded_ms);
create index attempts_recorded_anywhere on attempts (recorded_ms);

-- What people are shown of an attempt.
create table attempt_bodies (
    connection_id text not null,
    shop_id text not null,
    shop_order_id text not null,
    pass bigint not null,
    number bigint not null,
    request text,
    answer text,
    mapping text,
    primary key (connection_id, shop_id, shop_order_id, pass, number)
);

create table effects (
    number integer primary key,
    connection_id text not null,
    shop_id text not null,
    shop_order_id text not null,
    pass bigint not null,
    kind text not null,
    rank bigint not null,
    body text not null,
    -- owed, done, not_needed, given_up, conflict, cancelled
    state text not null,
    since_ms bigint not null,
    not_before_ms bigint not null,
    tries bigint not null,
    -- 0: not begun; 1: begun by the present lease; 2: begun by an earlier one whose end was never recorded.
    begun bigint not null,
    detail text not null,
    done_ms bigint,
    -- The mail that this effect goes out with, once that is settled.
    mail text
);
create index effects_order on effects (connection_id, shop_id, shop_order_id, number);
create index effects_due on effects (connection_id, not_before_ms) where state = 'owed' and kind <> 'mail';
create index effects_mail on effects (connection_id, not_before_ms) where state = 'owed' and kind = 'mail';
create index effects_stuck on effects (connection_id) where state in ('given_up', 'conflict');

-- Mails under way: one for each connection at most.
create table mails (
    connection_id text primary key,
    mail text not null,
    token text,
    host text,
    until_ms bigint not null,
    not_before_ms bigint not null
);

create table pushed_orders (
    connection_id text not null,
    shop_id text not null,
    shop_order_id text not null,
    order_number text not null,
    body text not null,
    content_hash text not null,
    status text not null,
    modified_ms bigint not null,
    -- Other content that came after something was sent: kept to be shown, never sent.
    late_body text,
    late_ms bigint,
    primary key (connection_id, shop_id, shop_order_id)
);
create index pushed_orders_status on pushed_orders (connection_id, shop_id, status, shop_order_id);

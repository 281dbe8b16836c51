-- An order in hand changes its state with every step and is found by its lease, so it needs no place in an order by state;
-- and what is asked of all connections is asked of each. Both indexes by state were written seven times an order.
drop index passes_latest;
drop index passes_latest_anywhere;
create index passes_latest on passes (connection_id, state, state_ms) where latest = 1 and (state = 'waiting'
    or state = 'awaiting' or state = 'unknown' or state = 'delivered' or state = 'failed' or state = 'withdrawn'
    or state = 'given_up');
drop index attempts_recorded_anywhere;

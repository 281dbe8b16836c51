-- What the planner is to expect before the server has counted anything itself. Of empty tables it believes that a connection
-- and a shop name one row as well as a whole key does, and goes through all orders of a shop for each one, until it has
-- counted them. So the tables are counted once with rows as they will be, which nobody else sees; a server that counts
-- (autovacuum) replaces this, and one that finds nothing keeps it. Tables with rows are only counted.
--
-- Of connections and shops no list of common values is kept: what is not on it counts as next to nothing, which is wrong of
-- each connection that is new. All are planned for as for the average one.

create table expected as
select case when n % 2 = 0 then 'connection-a' else 'connection-b' end as connection_id,
    case when n % 2 = 0 then 'shop-a' else 'shop-b' end as shop_id,
    n::text as id, n, 1700000000000 + n * 60000 as at_ms,
    case when n <= 20 then 'waiting' when n <= 100 then 'failed' else 'delivered' end as state
from generate_series(1, 2000) as n
where not exists (select 1 from orders);

insert into orders (connection_id, shop_id, shop_order_id, order_number, shop_status, placed_ms, modified_ms, first_seen_ms,
    last_seen_ms, read_began_ms, decision, decision_kind, decision_ms, confirmed_status, confirmed_ms, read_alone, looked_ms,
    last_pass, effects_until_ms)
select connection_id, shop_id, id, id, 'New Order', at_ms, at_ms, at_ms, at_ms, at_ms, '{}', 'taken', at_ms, 'In Progress',
    at_ms, case when n <= 20 then 1 else 0 end, at_ms, 1, 0
from expected;

insert into decisions (connection_id, shop_id, shop_order_id, at_ms, decision)
select connection_id, shop_id, id, at_ms, '{}' from expected;

insert into timeline (connection_id, shop_id, shop_order_id, pass, at_ms, line)
select connection_id, shop_id, id, 1, at_ms, 'line' from expected, generate_series(1, 6);

insert into passes (connection_id, shop_id, shop_order_id, pass, order_number, state, state_ms, latest, opening, opened_ms,
    closed_ms, not_before_ms, because, content_hash, mapped_at_ms, step, idempotency_key, document_number, retries, takeovers,
    attempts, attempt_token, sent, sent_before, inherits_unknown, erp_order_id, erp_order_number, bodies)
select connection_id, shop_id, id, 1, id, state, at_ms, 1, '{}', at_ms, case when state = 'waiting' then null else at_ms end,
    at_ms, '', id, at_ms, 0, id, n, 0, 0, 1, id, 1, 0, 0, id, id, 1
from expected;

insert into pass_bodies (connection_id, shop_id, shop_order_id, pass, mapped_order, delivery)
select connection_id, shop_id, id, 1, '{}', '{}' from expected;

insert into attempts (connection_id, shop_id, shop_order_id, pass, number, token, step, purpose, phase, repeat, recorded_ms,
    settled_by_ms, hash, outcome, ended_ms)
select connection_id, shop_id, id, 1, 1, id, 0, '"create"', '"body"', '"never"', at_ms, at_ms, id, 'delivered', at_ms
from expected;

insert into attempt_bodies (connection_id, shop_id, shop_order_id, pass, number, request, answer)
select connection_id, shop_id, id, 1, 1, '{}', '{}' from expected;

insert into effects (connection_id, shop_id, shop_order_id, pass, kind, rank, body, state, since_ms, not_before_ms, tries,
    begun, detail)
select connection_id, shop_id, id, 1, kind, rank, '{}', case when n <= 20 then 'owed' else 'done' end, at_ms, at_ms, 1, 1, ''
from expected, (values ('erp_order_id', 1), ('note', 2), ('stamp', 3), ('status', 4)) as kinds (kind, rank);

insert into pushed_orders (connection_id, shop_id, shop_order_id, order_number, body, content_hash, status, modified_ms)
select connection_id, shop_id, id, id, '{}', id, case when n <= 20 then 'New Order' else 'In Progress' end, at_ms
from expected;

alter table orders alter column connection_id set statistics 1;
alter table orders alter column shop_id set statistics 1;
alter table decisions alter column connection_id set statistics 1;
alter table decisions alter column shop_id set statistics 1;
alter table timeline alter column connection_id set statistics 1;
alter table timeline alter column shop_id set statistics 1;
alter table passes alter column connection_id set statistics 1;
alter table passes alter column shop_id set statistics 1;
alter table pass_bodies alter column connection_id set statistics 1;
alter table pass_bodies alter column shop_id set statistics 1;
alter table attempts alter column connection_id set statistics 1;
alter table attempts alter column shop_id set statistics 1;
alter table attempt_bodies alter column connection_id set statistics 1;
alter table attempt_bodies alter column shop_id set statistics 1;
alter table effects alter column connection_id set statistics 1;
alter table effects alter column shop_id set statistics 1;
alter table pushed_orders alter column connection_id set statistics 1;
alter table pushed_orders alter column shop_id set statistics 1;

analyze orders;
analyze decisions;
analyze timeline;
analyze passes;
analyze pass_bodies;
analyze attempts;
analyze attempt_bodies;
analyze effects;
analyze pushed_orders;

delete from orders where connection_id in (select connection_id from expected);
delete from decisions where connection_id in (select connection_id from expected);
delete from timeline where connection_id in (select connection_id from expected);
delete from passes where connection_id in (select connection_id from expected);
delete from pass_bodies where connection_id in (select connection_id from expected);
delete from attempts where connection_id in (select connection_id from expected);
delete from attempt_bodies where connection_id in (select connection_id from expected);
delete from effects where connection_id in (select connection_id from expected);
delete from pushed_orders where connection_id in (select connection_id from expected);

drop table expected;

//! What an author is told when a plugin traps or hits a limit.

use crate::workshop::{Workshop, is_skipped};

#[test]
fn a_trap_shows_the_guests_own_stack_the_order_and_the_last_log_lines() {
    if is_skipped("c") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "c");
    let broken = "static __attribute__((noinline)) void price_of(size_t index) {\n  od_log(OD_INFO, \"pricing line %u\", (unsigned)index);\n  \
                  __builtin_trap();\n}\n\nbool plugin_map";
    shop.edit("acme/plugin.c", "bool plugin_map", broken);
    shop.edit("acme/plugin.c", "od_json_open(&body, '[');", "od_json_open(&body, '[');\n  price_of(order->lines.len);");
    let said = shop.run("acme", &["run", "--order", "cases/good"]);
    assert_eq!(said.code, 1, "{}", said.all());
    for words in ["while mapping the order", "order WEB-10042 with 2 lines", "price_of", "plugin_map", "pricing line 2"]
    {
        assert!(said.err.contains(words), "no {words:?} in {}", said.err);
    }
    let tested = shop.run("acme", &["test"]);
    assert_eq!(tested.code, 1);
    assert!(tested.out.contains("price_of") && tested.out.contains("2 FAILED"), "{}", tested.out);
}

#[test]
fn a_limit_says_which_how_far_and_where() {
    if is_skipped("c") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "c");
    let busy = "static __attribute__((noinline)) void count_stars(volatile int *stars) {\n  for (;;) ++*stars;\n}\n\nbool plugin_map";
    shop.edit("acme/plugin.c", "bool plugin_map", busy);
    let spin = "od_json_open(&body, '[');\n  int stars = 0;\n  count_stars(&stars);";
    shop.edit("acme/plugin.c", "od_json_open(&body, '[');", spin);
    let said = shop.run("acme", &["run", "--order", "cases/good"]);
    assert_eq!(said.code, 1, "{}", said.all());
    for words in ["CPU units", "(100 %)", "count_stars", "it loops", "largest"] {
        assert!(said.err.contains(words), "no {words:?} in {}", said.err);
    }
}

#[test]
fn memory_that_ran_out_says_how_much_was_wanted() {
    if is_skipped("c") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "c");
    let hungry = "od_json_open(&body, '[');\n  for (;;) if (!malloc(8 << 20)) __builtin_trap();";
    shop.edit("acme/plugin.c", "od_json_open(&body, '[');", hungry);
    shop.edit("acme/plugin.c", "#include \"orderdock.h\"", "#include \"orderdock.h\"\n#include <stdlib.h>");
    let said = shop.run("acme", &["run", "--order", "cases/good"]);
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.err.contains("ran out of memory") && said.err.contains("plugin_map"), "{}", said.err);
}

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

#[test]
fn an_exception_in_python_shows_its_traceback_and_staff_read_the_sentence() {
    if is_skipped("python") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "python");
    let source = std::fs::read_to_string(shop.at("acme/plugin.py")).unwrap();
    shop.edit("acme/plugin.py", "        lines = []", "        lines = [][order.no_such_field]");
    let said = shop.run("acme", &["run", "--order", "cases/good"]);
    assert_eq!(said.code, 1, "{}", said.all());
    for words in [
        "error: the plugin failed while mapping the order: AttributeError: 'Order' object has no attribute",
        "Traceback (most recent call last)",
        "plugin.py\", line",
        "lines = [][order.no_such_field]",
    ] {
        assert!(said.err.contains(words), "no {words:?} in {}", said.err);
    }
    std::fs::write(shop.at("acme/plugin.py"), source).unwrap();
    shop.edit("acme/plugin.py", "        lines = []", "        import time\n        lines = [time.time()]");
    let said = shop.run("acme", &["run", "--order", "cases/good"]);
    assert!(said.code == 1 && said.err.contains("there is no clock but"), "{}", said.all());
}

#[test]
fn a_clock_in_javascript_fails_with_words() {
    if is_skipped("js") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "js");
    shop.edit("acme/plugin.js", "    const lines = [];", "    const lines = [];\n    if (new Date()) lines.push();");
    let said = shop.run("acme", &["run", "--order", "cases/good"]);
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.err.contains("order: Error: there is no clock: use context.mappedAt\n"), "{}", said.err);
    assert!(said.err.contains("plugin.js:"), "the log has the stack: {}", said.err);
    assert!(!said.err.contains("function "), "no numbers of the engine's own functions: {}", said.err);
}

#[test]
fn a_table_that_the_description_does_not_name_and_a_purpose_that_it_does_not_list_are_told() {
    if is_skipped("c") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "c");
    let asks = "od_json_open(&body, '[');\n  od_text rows;\n  od_table(OD(\"skus\"), OD(\"x\"), &rows);";
    shop.edit("acme/plugin.c", "od_json_open(&body, '[');", asks);
    let words = "warning: `describe` does not name the look-up table `skus`";
    let tested = shop.ask("acme", &["test"]);
    assert!(tested.out.contains(words), "{}", tested.all());
    let ran = shop.ask("acme", &["run", "--order", "cases/good", "--purpose", "look-up"]);
    assert!(ran.out.contains("`describe` does not name the look-up table `skus`"), "{}", ran.all());
    assert!(ran.err.contains("the host never asks for look-up"), "{}", ran.all());
    let named = "od_needs(&description->tables, OD(\"skus\"), OD(\"Our SKU to the article.\"), true);\n  od_purpose(";
    shop.edit("acme/plugin.c", "od_purpose(", named);
    let tested = shop.ask("acme", &["test"]);
    assert!(!tested.out.contains("warning"), "{}", tested.all());
    // What judging leaves behind is no source: the component that was checked is the one that stays.
    let made = || std::fs::metadata(shop.at("acme/acme.wasm")).unwrap().modified().unwrap();
    let before = made();
    let checked = shop.ask("acme", &["check", "acme.wasm"]);
    assert!(checked.out.contains("skus") || checked.out.contains("passed"), "{}", checked.all());
    shop.ask("acme", &["test"]);
    assert_eq!(made(), before, "built again");
}

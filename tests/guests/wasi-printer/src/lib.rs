//! A plugin that uses WASI as its settings say: `{"do": "<name>"}`, and reports what it saw as the body of a delivery.

wit_bindgen::generate!({ path: ["../../../wit", "wit"], world: "test:printer/printer", generate_all });

use exports::orderdock::plugin::mapper::{Context, Delivery, Description, Guest, Order, Rejection, Response, Verdict};
use orderdock::plugin::tables;
use orderdock::plugin::types::{Acceptance, DeliveryContent, DeliveryKind, HttpDelivery, Purpose, Repeat, Segment};
use wasi::{
    cli::{environment, exit, stderr::get_stderr, stdin::get_stdin, stdout::get_stdout},
    clocks::{monotonic_clock, wall_clock},
    filesystem::preopens,
    io::poll,
    random::random,
    sockets::{instance_network, ip_name_lookup},
};

struct Printer;

/// The value of `"do"`, up to the next quote.
fn wanted(settings: &str) -> &str {
    let rest = settings.split("\"do\"").nth(1).unwrap_or("");
    rest.split('"').nth(1).unwrap_or("good")
}

fn print(text: &str) {
    for chunk in text.as_bytes().chunks(4_096) {
        let _ = get_stdout().blocking_write_and_flush(chunk);
    }
}

fn print_error(text: &str) {
    let _ = get_stderr().blocking_write_and_flush(text.as_bytes());
}

fn seen() -> String {
    let now = wall_clock::now();
    let again = wall_clock::now();
    let name = ip_name_lookup::resolve_addresses(&instance_network::instance_network(), "example.com");
    format!(
        "environment {:?}, arguments {:?}, folder {:?}, preopened {}, stdin {:?}, wall clock {}.{:09} stands {}, names {:?}, \
         monotonic {} {}",
        environment::get_environment(),
        environment::get_arguments(),
        environment::initial_cwd(),
        preopens::get_directories().len(),
        get_stdin().blocking_read(10).map_err(|_| "closed"),
        now.seconds,
        now.nanoseconds,
        (now.seconds, now.nanoseconds) == (again.seconds, again.nanoseconds),
        name.map(|_| ()).map_err(|code| format!("{code:?}")),
        monotonic_clock::now(),
        monotonic_clock::now(),
    )
}

fn sleep() -> String {
    let before = monotonic_clock::now();
    monotonic_clock::subscribe_duration(3_600_000_000_000).block();
    let slept = monotonic_clock::now() - before;
    let late = monotonic_clock::subscribe_duration(u64::MAX);
    let soon = monotonic_clock::subscribe_duration(60_000_000_000);
    let never_ready = late.ready() || soon.ready();
    let ready = poll::poll(&[&late, &soon]);
    let stream = get_stdout();
    let output = stream.subscribe();
    let with_a_stream = poll::poll(&[&late, &output]);
    format!("slept {} s, early {never_ready}, ready {ready:?} {with_a_stream:?}", slept / 1_000_000_000)
}

impl Guest for Printer {
    fn describe() -> Description {
        print("describing\n");
        Description {
            name: "wasi-printer".to_owned(),
            version: "0.1.0".to_owned(),
            publisher: "Orderdock".to_owned(),
            erp: "none".to_owned(),
            help: "Uses WASI.".to_owned(),
            settings_schema: "true".to_owned(),
            purposes: vec![Purpose::Create],
            deliveries: vec![DeliveryKind::Http],
            secrets: Vec::new(),
            tables: Vec::new(),
            folders: Vec::new(),
            extra: Vec::new(),
        }
    }

    fn map_order(_order: Order, context: Context) -> Result<Delivery, Rejection> {
        let body = match wanted(&context.settings) {
            "see" => seen(),
            "sleep" => sleep(),
            // What contract 0.1.1 added.
            "missing" => {
                let known = tables::find("shipping", "Express").is_some();
                let first = tables::missing("shipping", "Express", "shipping method");
                format!("{known}, {first}, {}", tables::missing("taxes", "19", "tax rate"))
            }
            "random" => format!("{:?} {}", random::get_random_bytes(16), random::get_random_u64()),
            "much random" => random::get_random_bytes(1 << 24).len().to_string(),
            "print" => {
                print("Grüße\nsecond line\r\n");
                print_error("to stderr\n");
                "printed".to_owned()
            }
            "print flood" => {
                let text = "x".repeat(1_000) + "\n";
                for _ in 0..5_000 {
                    print(&text);
                }
                "printed".to_owned()
            }
            "panic" => {
                // As the standard library of wasm32-wasip2 does it.
                print_error("thread 'main' panicked at src/lib.rs:7:9:\nno price for A-1\n");
                #[cfg(target_arch = "wasm32")]
                core::arch::wasm32::unreachable();
                #[cfg(not(target_arch = "wasm32"))]
                std::process::abort();
            }
            "exit" => {
                exit::exit(Err(()));
                "still here".to_owned()
            }
            "many timers" => {
                let timers: Vec<_> = (0..1_000_000).map(monotonic_clock::subscribe_duration).collect();
                timers.len().to_string()
            }
            _ => "good".to_owned(),
        };
        Ok(Delivery {
            content: DeliveryContent::Http(HttpDelivery {
                method: "POST".to_owned(),
                path: "seen".to_owned(),
                query: Vec::new(),
                headers: Vec::new(),
                body: vec![Segment::Bytes(body.into_bytes())],
                content_type: None,
                repeat: Repeat::Never,
                sensitive: false,
                extra: Vec::new(),
            }),
            state: Vec::new(),
            notes: Vec::new(),
            extra: Vec::new(),
        })
    }

    fn parse_response(_: Order, _: Context, _: Vec<u8>, _: Response) -> Verdict {
        Verdict::Accepted(Acceptance {
            erp_order_id: None,
            erp_order_number: None,
            message: None,
            warnings: Vec::new(),
            extra: Vec::new(),
        })
    }
}

export!(Printer);

//! A plugin that misbehaves as its settings say: `{"do": "<name>"}`. Without a name it behaves. It speaks the contract as
//! it was first published, so that every test with it also shows that 0.1.0 is served.

wit_bindgen::generate!({ path: "../../../wit/0.1.0", world: "plugin", generate_all });

use exports::orderdock::plugin::mapper::{Context, Delivery, Description, Guest, Order, Rejection, Response, Verdict};
use orderdock::plugin::{
    log::{Level, log},
    tables,
    types::{
        Acceptance, AnswerCheck, Awaiting, DeliveryContent, DeliveryKind, File, FileCheck, FileDelivery, FileMeaning,
        Header, HttpDelivery, NamedNeed, Purpose, Refusal, RefusalClass, RejectionClass, Repeat, Segment,
    },
};

struct Hostile;

/// The value of `"do"`, up to the next quote. Settings come from the tests: no escapes, no surprises.
fn wanted(settings: &str) -> &str {
    let rest = settings.split("\"do\"").nth(1).unwrap_or("");
    rest.split('"').nth(1).unwrap_or("good")
}

/// Keeps the optimiser from seeing that work is in vain.
fn keep<T>(value: T) -> T {
    std::hint::black_box(value)
}

fn spin() -> ! {
    let mut n = 0_u64;
    loop {
        n = keep(n.wrapping_add(1));
    }
}

fn eat_memory() -> Vec<Vec<u8>> {
    let mut held = Vec::new();
    loop {
        held.push(keep(vec![1_u8; 1 << 20]));
    }
}

/// Frames that are only in the engine's stack.
#[inline(never)]
fn climb(depth: u64) -> u64 {
    if keep_number(depth) == u64::MAX { 0 } else { climb(depth + 1).rotate_left(3) ^ depth }
}

/// As [`keep`], for a number and without memory: what `black_box` does would put frames into the guest's own stack.
#[inline(never)]
fn keep_number(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

/// Frames that are in the guest's own stack, in its memory.
#[inline(never)]
fn dig(depth: u64) -> u64 {
    let frame = keep([depth; 64]);
    if depth == u64::MAX { 0 } else { dig(depth + 1) + frame[(depth % 64) as usize] }
}

#[inline(never)]
fn fail_in_a_named_function(order: &Order) {
    let line = order.lines.iter().find(|line| line.id == "no such line");
    let message = format!("line {:?} of order {} can't be priced", "no such line", order.order_number);
    if line.is_none() {
        log(Level::Error, &message);
        core::arch::wasm32_unreachable();
    }
}

mod core {
    pub mod arch {
        /// A trap without words, as a panic gives it on a target without a console.
        pub fn wasm32_unreachable() -> ! {
            #[cfg(target_arch = "wasm32")]
            ::core::arch::wasm32::unreachable();
            #[cfg(not(target_arch = "wasm32"))]
            std::process::abort();
        }
    }
}

fn bytes(text: &str) -> Vec<Segment> {
    vec![Segment::Bytes(text.as_bytes().to_vec())]
}

fn http(path: &str, body: Vec<Segment>) -> HttpDelivery {
    HttpDelivery {
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body,
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        repeat: Repeat::Never,
        sensitive: false,
        extra: Vec::new(),
    }
}

fn deliver(content: DeliveryContent) -> Delivery {
    Delivery { content, state: Vec::new(), notes: Vec::new(), extra: Vec::new() }
}

fn files(names: &[&str]) -> Delivery {
    let file = |name: &&str| File { name: (*name).to_owned(), content: bytes("x"), extra: Vec::new() };
    deliver(DeliveryContent::Files(FileDelivery {
        files: names.iter().map(file).collect(),
        trigger: None,
        extra: Vec::new(),
    }))
}

/// Everything that the guest can see, in one text: two runs must agree on every byte.
fn all_that_is_seen(order: &Order, context: &Context) -> String {
    let mut map = std::collections::HashMap::new();
    for line in &order.lines {
        map.insert(line.id.clone(), line.quantity.clone());
    }
    let address = keep(&map) as *const _ as usize;
    let order_of_map: Vec<_> = map.keys().collect();
    let float = keep(0.0_f64) / keep(0.0_f64);
    format!(
        "{order:?} {context:?} {order_of_map:?} {address:#x} {:016x} {:?}",
        float.to_bits(),
        tables::find("skus", "A-1")
    )
}

impl Guest for Hostile {
    fn describe() -> Description {
        let need = |name: &str| NamedNeed {
            name: name.to_owned(),
            help: "For tests.".to_owned(),
            required: false,
            extra: Vec::new(),
        };
        Description {
            name: "hostile".to_owned(),
            version: "0.1.0".to_owned(),
            publisher: "Orderdock".to_owned(),
            erp: "none".to_owned(),
            help: "Misbehaves as its settings say.".to_owned(),
            settings_schema: r#"{"type": "object", "properties": {"do": {"type": "string"}}}"#.to_owned(),
            purposes: vec![Purpose::Create, Purpose::LookUp],
            deliveries: vec![DeliveryKind::Http, DeliveryKind::Files],
            secrets: vec![need("key")],
            tables: vec![need("skus")],
            folders: Vec::new(),
            extra: vec![("colour".to_owned(), "red".to_owned())],
        }
    }

    fn map_order(order: Order, context: Context) -> Result<Delivery, Rejection> {
        let request = |path: &str| deliver(DeliveryContent::Http(http(path, bytes(&order.order_number))));
        Ok(match wanted(&context.settings) {
            "loop" => spin(),
            "memory" => {
                let held = eat_memory();
                request(&held.len().to_string())
            }
            "memory, caught" => {
                let mut held: Vec<Vec<u8>> = Vec::new();
                loop {
                    let mut more: Vec<u8> = Vec::new();
                    if more.try_reserve_exact(1 << 20).is_err() {
                        break;
                    }
                    more.resize(1 << 20, 1);
                    held.push(keep(more));
                }
                drop(held);
                return Err(Rejection {
                    class: RejectionClass::Data,
                    message: "out of memory".to_owned(),
                    field: None,
                    extra: Vec::new(),
                });
            }
            "trap" => {
                core::arch::wasm32_unreachable();
            }
            "panic" => {
                fail_in_a_named_function(&order);
                request("never")
            }
            "divide by zero" => {
                #[cfg(target_arch = "wasm32")]
                {
                    let zero = keep(0_u32);
                    // SAFETY: in WebAssembly a division by zero traps; that is the point.
                    let n = unsafe { keep(7_u32).checked_div(zero).unwrap_unchecked() };
                    request(&n.to_string())
                }
                #[cfg(not(target_arch = "wasm32"))]
                request("native")
            }
            "recursion" => request(&climb(keep(0)).to_string()),
            "recursion with large frames" => request(&dig(keep(0)).to_string()),
            "huge output" => deliver(DeliveryContent::Http(http(
                "big",
                (0..64).map(|_| Segment::Bytes(vec![b'x'; 1 << 20])).collect(),
            ))),
            "many small outputs" => {
                let mut delivery = request("notes");
                delivery.notes = vec!["x".repeat(100); 400_000];
                delivery
            }
            "log flood" => {
                for n in 0..20_000 {
                    log(Level::Info, &format!("line {n} {}", "x".repeat(200)));
                }
                request("flood")
            }
            "log flood without end" => loop {
                log(Level::Info, "x");
            },
            "look-up flood" => loop {
                tables::find("skus", "A-1");
            },
            "one name for all" => files(&["orders.xml", "orders-2.xml"]),
            "path escape" => files(&["../../etc/passwd", "C:\\orders.xml", "con.xml", "ok.xml", "OK.XML", ""]),
            "request escape" => {
                let mut http = http("../admin?x=1", vec![]);
                http.method = "CONNECT".to_owned();
                http.content_type = Some("text/plain\r\nX-Evil: 1".to_owned());
                http.headers = vec![
                    Header { name: "Host".to_owned(), value: bytes("evil.example") },
                    Header { name: "X-Split".to_owned(), value: bytes("a\r\nX-Evil: 1") },
                    Header {
                        name: "Authorization".to_owned(),
                        value: vec![Segment::Secret(orderdock::plugin::types::Secret {
                            slot: "../key".to_owned(),
                            encode: orderdock::plugin::types::SecretEncoding::None,
                        })],
                    },
                ];
                deliver(DeliveryContent::Http(http))
            }
            "invalid UTF-8" => {
                // SAFETY: it is not; the host must find it out.
                let text = unsafe { String::from_utf8_unchecked(vec![b'a', 0xff, 0xfe]) };
                deliver(DeliveryContent::Http(http(&text, vec![])))
            }
            "wild pointer" => {
                // SAFETY: it is not: bytes that lie outside the memory are handed over.
                let wild = unsafe { Vec::from_raw_parts(0xffff_0000_u32 as usize as *mut u8, 0xffff, 0xffff) };
                deliver(DeliveryContent::Http(http("wild", vec![Segment::Bytes(wild)])))
            }
            "unknown extra" => {
                let mut delivery = request("extra");
                delivery.extra = vec![("priority".to_owned(), "high".to_owned())];
                delivery
            }
            "big state" => {
                let mut delivery = request("state");
                delivery.state = vec![0; 65_537];
                delivery
            }
            "everything seen" => {
                deliver(DeliveryContent::Http(http("seen", bytes(&all_that_is_seen(&order, &context)))))
            }
            "look up" => {
                let found = tables::find("skus", "A-1").unwrap_or_default();
                let missing = tables::find("skus", "nothing").is_none() && tables::find("no table", "x").is_none();
                request(&format!("{found}/{missing}"))
            }
            "work" => {
                let mut n = 0_u64;
                for line in &order.lines {
                    for _ in 0..10_000 {
                        n = keep(n.wrapping_add(line.id.len() as u64));
                    }
                }
                request(&n.to_string())
            }
            "reject" => {
                return Err(Rejection {
                    class: RejectionClass::Data,
                    message: "the order has no customer code".to_owned(),
                    field: Some("buyer.account-code".to_owned()),
                    extra: Vec::new(),
                });
            }
            _ => request("good"),
        })
    }

    fn parse_response(_order: Order, context: Context, state: Vec<u8>, response: Response) -> Verdict {
        match wanted(&context.settings) {
            "loop" => spin(),
            "trap" => core::arch::wasm32_unreachable(),
            "bad verdict" => Verdict::AwaitingAnswer(Awaiting {
                ticket: String::new(),
                deadline: 0,
                state: Vec::new(),
                check: AnswerCheck::Files(vec![FileCheck {
                    folder: "../up".to_owned(),
                    pattern: "../*".to_owned(),
                    meaning: FileMeaning::Any,
                    extra: Vec::new(),
                }]),
                extra: Vec::new(),
            }),
            "refuse" => Verdict::Rejected(Refusal {
                message: "customer is blocked".to_owned(),
                class: RefusalClass::Erp,
                field: None,
                partial_id: None,
                extra: Vec::new(),
            }),
            _ => Verdict::Accepted(Acceptance {
                erp_order_id: Some(format!("{}-{}", state.len(), format!("{response:?}").len())),
                erp_order_number: None,
                message: None,
                warnings: Vec::new(),
                extra: Vec::new(),
            }),
        }
    }
}

export!(Hostile);

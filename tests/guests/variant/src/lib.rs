//! A plugin that says in each delivery which release it is. Releases of it are made by tests: they overwrite the mark in the
//! built component (`tests/src/variant.rs`), so that many releases need one build.
//!
//! The mark also says how the release behaves: `good`, `trap`, `refuse`, `slow` (ten times the work), `short` (leaves the last
//! line of an order out).

wit_bindgen::generate!({ path: "../../../wit", world: "plugin", generate_all });

use exports::orderdock::plugin::mapper::{Context, Delivery, Description, Guest, Order, Rejection, Response, Verdict};
use orderdock::plugin::types::{
    Acceptance, DeliveryContent, DeliveryKind, HttpDelivery, Purpose, Refusal, RefusalClass, RejectionClass, Repeat,
    ResponseContent, Segment,
};

struct Variant;

/// Found in the component by its beginning and overwritten behind it: eight characters for the name, eight for the behaviour.
#[unsafe(no_mangle)]
pub static MARK: [u8; 32] = *b"orderdock-mark: first   good    ";

fn mark() -> (String, String) {
    // Read as it is in memory: what the compiler knows of it is not what a test has written there.
    let mark = unsafe { std::ptr::read_volatile(&raw const MARK) };
    let text = |from: usize| String::from_utf8_lossy(&mark[from..from + 8]).trim_end().to_owned();
    (text(16), text(24))
}

/// As a JSON string.
fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Guest for Variant {
    fn describe() -> Description {
        let (name, _) = mark();
        Description {
            name: "variant".into(),
            version: format!("1.0.0-{name}"),
            publisher: "Orderdock's tests".into(),
            erp: "the fake ERP".into(),
            help: "Names its release in every delivery.".into(),
            settings_schema: r#"{"type":"object","properties":{"warehouse":{"type":"string"}}}"#.into(),
            purposes: vec![Purpose::Create],
            deliveries: vec![DeliveryKind::Http],
            secrets: Vec::new(),
            tables: Vec::new(),
            folders: Vec::new(),
            extra: Vec::new(),
        }
    }

    fn map_order(order: Order, context: Context) -> Result<Delivery, Rejection> {
        let (name, behaviour) = mark();
        match behaviour.as_str() {
            "trap" => panic!("this release can't map anything"),
            "refuse" => {
                let message = "this release refuses every order".to_owned();
                return Err(Rejection { class: RejectionClass::Data, message, field: None, extra: Vec::new() });
            }
            "slow" => {
                let mut n = 0_u64;
                for at in 0..300_000_u64 {
                    n = std::hint::black_box(n.wrapping_add(at));
                }
            }
            _ => {}
        }
        let left_out = usize::from(behaviour == "short");
        let lines: Vec<String> = order
            .lines
            .iter()
            .take(order.lines.len().saturating_sub(left_out))
            .map(|line| {
                let total = line.total_gross.clone().unwrap_or_default();
                format!(
                    r#"{{"sku":{},"quantity":{},"total":{}}}"#,
                    json(line.sku.as_deref().unwrap_or_default()),
                    json(&line.quantity),
                    json(&total)
                )
            })
            .collect();
        let body = format!(
            r#"{{"order_number":{},"release":{},"settings":{},"total":{},"lines":[{}]}}"#,
            json(&order.order_number),
            json(&name),
            json(&context.settings),
            json(&order.totals.gross),
            lines.join(",")
        );
        Ok(Delivery {
            content: DeliveryContent::Http(HttpDelivery {
                method: "POST".into(),
                path: "/orders".into(),
                query: Vec::new(),
                headers: Vec::new(),
                body: vec![Segment::Bytes(body.into_bytes())],
                content_type: Some("application/json".into()),
                repeat: Repeat::Never,
                sensitive: false,
                extra: Vec::new(),
            }),
            state: name.into_bytes(),
            notes: Vec::new(),
            extra: Vec::new(),
        })
    }

    fn parse_response(_: Order, _: Context, state: Vec<u8>, response: Response) -> Verdict {
        let (name, _) = mark();
        // State goes only to the release that made it.
        assert!(state == name.as_bytes(), "the answer to another release's request");
        let ResponseContent::Http(answer) = response.content else { panic!("not an answer over HTTP") };
        if answer.status >= 300 {
            let message = format!("the ERP said {}", answer.status);
            let (class, field, partial_id) = (RefusalClass::Erp, None, None);
            return Verdict::Rejected(Refusal { message, class, field, partial_id, extra: Vec::new() });
        }
        let message = Some(format!("read by {name}"));
        let accepted =
            Acceptance { erp_order_id: None, erp_order_number: None, message, warnings: Vec::new(), extra: Vec::new() };
        Verdict::Accepted(accepted)
    }
}

export!(Variant);

//! What ERPs answer: HTTP answers for json-post, answer files for attache-kfi.

use attache_kfi::AttacheKfi;
use json_post::Settings;
use orderdock_plugin::{
    AnswerFile, DefaultVerdict, HttpResponse, Order, Response, ResponseContent, Verdict,
    testing::{Mapper, Native, Tables},
};

use crate::{context, halves};

/// Two bytes of status, one header before the first zero byte, the body behind it.
pub fn answers(data: &[u8]) {
    let (Some(status), Some(rest)) = (data.get(..2), data.get(2..)) else { return };
    let status = u16::from_be_bytes([status[0], status[1]]) % 1_000;
    let (header, body) = halves(rest);
    let header = String::from_utf8_lossy(header).into_owned();
    let response = |content, default_verdict| Response { content, default_verdict, extra: Vec::new() };
    let default = match status {
        200..=299 => DefaultVerdict::Accepted,
        429 => DefaultVerdict::RetryLater,
        400..=499 => DefaultVerdict::Rejected,
        _ => DefaultVerdict::Unknown,
    };
    let settings = serde_json::from_str::<Settings>(
        r#"{ "path": "orders", "erp_order_id_path": "order.id", "message_path": "errors.0.message",
             "erp_order_id_header": "location", "success_path": "ok" }"#,
    );
    let http = HttpResponse {
        status,
        headers: vec![("location".to_owned(), header.clone())],
        body: body.to_vec(),
        extra: Vec::new(),
    };
    let settings = settings.expect("settings");
    said(&json_post::answer::read(&settings, &response(ResponseContent::Http(http), default)));

    let order: Order = serde_json::from_value(serde_json::json!({
        "shop_order_id": "7", "order_number": "WEB-7", "placed_at": "2026-01-02T03:04:05Z", "currency": "AUD",
        "lines": [], "totals": { "gross": "10" },
    }))
    .expect("an order");
    let context = context();
    for name in [header.as_str(), "order_20260102T030405Z_WEB-7_1.err"] {
        let file =
            AnswerFile { folder: "failure".to_owned(), name: name.to_owned(), bytes: body.to_vec(), extra: Vec::new() };
        let answer = response(ResponseContent::AnswerFile(file), DefaultVerdict::Unknown);
        let read = Native::<AttacheKfi>::default().parse_response(&order, &context, &Tables::new(), body, &answer);
        said(&read.expect("it does not panic"));
    }
}

/// A refusal has words.
fn said(verdict: &Verdict) {
    if let Verdict::Rejected(refusal) = verdict {
        assert!(!refusal.message.trim().is_empty(), "a refusal without words");
    }
}

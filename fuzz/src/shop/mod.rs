//! Files of the host's room for shops, in the places where they look for each other.

#[path = "../../../host/src/shop/json.rs"]
mod json;
#[path = "../../../host/src/shop/reading.rs"]
mod reading;

use reading::{Object, Problems};

/// Reads everything that a mapping reads, by paths that shops have.
pub fn read(data: &[u8]) {
    let Ok(raw) = json::whole(data) else { return };
    let mut problems = Problems::default();
    let Some(order) = Object::read(&raw, "") else { return };
    for path in ["id", "number", "customer.name", "lines.0.sku", "meta_data.1.value", "a.b.c.d", "", "."] {
        let _ = (order.text(path), order.some_text(path), order.yes(path));
        let _ = order.decimal(path, &mut problems);
        let _ = order.instant(path, &mut problems);
        let _ = order.need_currency(path, &mut problems);
        for line in order.objects(path, &mut problems) {
            let _ = (line.need_text("sku", &mut problems), line.need_decimal("total", &mut problems));
        }
    }
    let _ = reading::country(order.text("country"));
    let _ = reading::moment(&order.text("date"));
}

//! What shops serve.

/// An order, or a page of them.
pub fn shop_json(data: &[u8]) {
    crate::shop::read(data);
}

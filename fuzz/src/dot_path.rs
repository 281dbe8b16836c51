//! Paths into an ERP's JSON.

use orderdock_plugin::DotPath;

use crate::halves;

/// A path before the first zero byte, JSON behind it.
pub fn dot_path(data: &[u8]) {
    let (path, json) = halves(data);
    let Ok(path) = std::str::from_utf8(path) else { return };
    let Ok(read) = DotPath::new(path) else { return };
    assert_eq!(DotPath::new(read.as_str()).as_ref(), Ok(&read), "what was read reads again");
    let found = read.find(json);
    let text = read.find_text(json);
    if let Ok(Some(found)) = found {
        assert!(found.len() <= json.len().saturating_mul(3), "a value is a part of the text");
    }
    drop(text);
}

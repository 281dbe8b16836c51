//! Counts and bytes as people read them, the same in every message.

/// A count as people read it: `950`, `12.3 k`, `4.5 M`.
#[must_use]
pub fn units(count: u64) -> String {
    scaled(count, &["", " k", " M", " G"])
}

/// Bytes as people read them.
#[must_use]
pub fn bytes(count: u64) -> String {
    scaled(count, &[" B", " kB", " MB", " GB"])
}

fn scaled(count: u64, names: &[&str]) -> String {
    let mut whole = count;
    let mut rest = 0;
    let mut names = names.iter();
    let mut name = names.next();
    for next in names {
        if whole < 1_000 {
            break;
        }
        (whole, rest) = (whole / 1_000, whole % 1_000);
        name = Some(next);
    }
    let name = name.copied().unwrap_or_default();
    if count < 1_000 || whole >= 100 { format!("{whole}{name}") } else { format!("{whole}.{}{name}", rest / 100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_readable() {
        assert_eq!(units(950), "950");
        assert_eq!(units(12_345), "12.3 k");
        assert_eq!(bytes(128 * 1_000_000), "128 MB");
        assert_eq!(bytes(1_500), "1.5 kB");
    }
}

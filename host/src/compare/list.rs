//! Which elements of two lists belong together.

/// Above so many pairs, elements are paired by position: comparing each with each would take too long.
const MOST_PAIRS: usize = 250_000;

/// A pair of positions: before and after; one of them is missing for what was removed or added.
pub(super) type Pair = (Option<usize>, Option<usize>);

/// Pairs the elements of two lists, in order. Equal ones are found again behind what was put in or taken out; in the gaps
/// between them the rest is paired as it comes.
pub(super) fn pair<T: PartialEq>(before: &[T], after: &[T]) -> Vec<Pair> {
    if before.len() == after.len() || before.len().saturating_mul(after.len()) > MOST_PAIRS {
        return zip(0..before.len(), 0..after.len()).collect();
    }
    let mut pairs = Vec::with_capacity(before.len().max(after.len()));
    let (mut old, mut new) = (0, 0);
    for (at, to) in common(before, after) {
        pairs.extend(zip(old..at, new..to));
        pairs.push((Some(at), Some(to)));
        (old, new) = (at + 1, to + 1);
    }
    pairs.extend(zip(old..before.len(), new..after.len()));
    pairs
}

/// Two stretches, as long as either lasts.
fn zip(mut before: impl Iterator<Item = usize>, mut after: impl Iterator<Item = usize>) -> impl Iterator<Item = Pair> {
    std::iter::from_fn(move || match (before.next(), after.next()) {
        (None, None) => None,
        pair => Some(pair),
    })
}

/// A longest common subsequence, as pairs of positions.
fn common<T: PartialEq>(before: &[T], after: &[T]) -> Vec<(usize, usize)> {
    let width = after.len() + 1;
    let mut longest = vec![0u32; (before.len() + 1) * width];
    let at = |longest: &[u32], old: usize, new: usize| longest.get(old * width + new).copied().unwrap_or(0);
    for (old, one) in before.iter().enumerate().rev() {
        for (new, other) in after.iter().enumerate().rev() {
            let best = if one == other {
                at(&longest, old + 1, new + 1) + 1
            } else {
                at(&longest, old + 1, new).max(at(&longest, old, new + 1))
            };
            if let Some(place) = longest.get_mut(old * width + new) {
                *place = best;
            }
        }
    }
    let (mut old, mut new, mut pairs) = (0, 0, Vec::new());
    while let (Some(one), Some(other)) = (before.get(old), after.get(new)) {
        if one == other {
            pairs.push((old, new));
            (old, new) = (old + 1, new + 1);
        } else if at(&longest, old + 1, new) >= at(&longest, old, new + 1) {
            old += 1;
        } else {
            new += 1;
        }
    }
    pairs
}

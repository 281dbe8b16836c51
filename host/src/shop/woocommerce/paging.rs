//! Paging that survives orders leaving the list while it is read.
//!
//! Pages by number shift: of 60 orders at 20 a page, 20 are never shown when each page's orders leave the status before the
//! next page is asked for (seen with WooCommerce 7.9.0). So the next page is asked for by date, not by number: everything
//! placed at or after the last order's second (`after` is exclusive, so one second less), without the orders of that
//! second that were shown already (`exclude`). Orders that leave shift nothing; orders that enter behind the cursor are
//! found by the next round. Sorting and filtering use the same field, and dates go as GMT, so that the shop's time zone
//! and its summer time play no part. The first request of a sweep is page 1 of the plain list.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{clock::Millis, sight::ListScope},
    shop::ShopError,
};

/// More ids than this don't fit an address; the page number then counts within the second.
const MOST_EXCLUDED: usize = 500;

/// Where a sweep is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Exclusive lower bound, seconds since 1970; none at the start of a list by status.
    after_s: Option<i64>,
    /// Shown already, at the second after the bound.
    exclude: Vec<u64>,
    /// Page number within these bounds, from 1.
    page: u32,
    /// Pages so far.
    pages: u32,
}

/// An order's place in the list's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Id.
    pub id: u64,
    /// Second of the field that is sorted by, if it could be read.
    pub second: Option<i64>,
}

impl Cursor {
    /// The start of a sweep, or where the page before ended.
    pub fn read(scope: &ListScope, text: Option<&str>) -> Result<Self, ShopError> {
        if let Some(text) = text {
            return serde_json::from_str(text)
                .map_err(|error| ShopError::Unclear(format!("not a cursor of ours: {error}")));
        }
        let after_s = match scope {
            ListScope::InStatus(_) => None,
            // `after` is exclusive, the scope is inclusive.
            ListScope::ModifiedSince(since) | ListScope::PlacedSince(since) => {
                Some(since.div_euclid(1000).saturating_sub(1))
            }
        };
        Ok(Self { after_s, exclude: Vec::new(), page: 1, pages: 0 })
    }

    /// The query of this page.
    pub fn query(&self, scope: &ListScope, page_size: u32) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        let (order_by, bound) = match scope {
            ListScope::ModifiedSince(_) => ("modified", "modified_after"),
            ListScope::InStatus(_) | ListScope::PlacedSince(_) => ("date", "after"),
        };
        match scope {
            ListScope::InStatus(statuses) => query.push(("status", statuses.join(","))),
            ListScope::ModifiedSince(_) | ListScope::PlacedSince(_) => query.push(("status", "any".to_owned())),
        }
        if let Some(after) = self.after_s.and_then(|after| Timestamp::from_second(after).ok()) {
            query.push((bound, after.to_string().trim_end_matches('Z').to_owned()));
            query.push(("dates_are_gmt", "true".to_owned()));
        }
        if !self.exclude.is_empty() {
            let ids: Vec<String> = self.exclude.iter().map(u64::to_string).collect();
            query.push(("exclude", ids.join(",")));
        }
        query.push(("orderby", order_by.to_owned()));
        query.push(("order", "asc".to_owned()));
        query.push(("per_page", page_size.to_string()));
        query.push(("page", self.page.to_string()));
        query
    }

    /// Where the page after this one begins; none at the end.
    pub fn next(&self, shown: &[Place], page_size: u32, most_pages: u32) -> Result<Option<Self>, ShopError> {
        let full = usize::try_from(page_size).unwrap_or(usize::MAX);
        if shown.len() < full {
            return Ok(None);
        }
        let pages = self.pages.saturating_add(1);
        if pages >= most_pages {
            return Err(ShopError::Unclear(format!("the list has not ended after {pages} pages (`most_pages`)")));
        }
        let by_number = Self { page: self.page.saturating_add(1), pages, ..self.clone() };
        // Without a date on the last order there is no bound to go on from.
        let Some(last) = shown.iter().filter_map(|place| place.second).max() else { return Ok(Some(by_number)) };
        let after_s = last.saturating_sub(1);
        let mut exclude: Vec<u64> = if self.after_s == Some(after_s) { self.exclude.clone() } else { Vec::new() };
        exclude.extend(
            shown.iter().filter(|place| place.second.is_none_or(|second| second >= last)).map(|place| place.id),
        );
        exclude.sort_unstable();
        exclude.dedup();
        if exclude.len() > MOST_EXCLUDED || self.after_s.is_some_and(|before| after_s < before) {
            return Ok(Some(by_number));
        }
        Ok(Some(Self { after_s: Some(after_s), exclude, page: 1, pages }))
    }

    /// As text.
    pub fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

/// Milliseconds to whole seconds, as WooCommerce keeps them.
pub(super) fn second(millis: Millis) -> i64 {
    millis.div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: u64, second: i64) -> Place {
        Place { id, second: Some(second) }
    }

    #[test]
    fn the_next_page_begins_at_the_last_second_without_what_was_shown() {
        let scope = ListScope::InStatus(vec!["processing".to_owned()]);
        let first = Cursor::read(&scope, None).unwrap();
        let joined = |cursor: &Cursor| {
            cursor.query(&scope, 3).iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        assert_eq!(joined(&first), "status=processing&orderby=date&order=asc&per_page=3&page=1");
        let second = first.next(&[place(1, 100), place(2, 101), place(3, 101)], 3, 9).unwrap().unwrap();
        assert_eq!(
            joined(&second),
            "status=processing&after=1970-01-01T00:01:40&dates_are_gmt=true&exclude=2,3&orderby=date&order=asc&per_page=3&page=1"
        );
        // A whole page within the same second: what was excluded stays excluded.
        let third = second.next(&[place(4, 101), place(5, 101), place(6, 101)], 3, 9).unwrap().unwrap();
        assert_eq!(third.exclude, [2, 3, 4, 5, 6]);
        assert_eq!(third.next(&[place(7, 102)], 3, 9).unwrap(), None);
        assert_eq!(Cursor::read(&scope, third.text().as_deref()).unwrap(), third);
    }

    #[test]
    fn a_second_with_more_orders_than_an_address_can_hold_is_paged_by_number() {
        let mut cursor = Cursor { page: 1, ..Cursor::default() };
        for round in 0..8 {
            let shown: Vec<Place> = (0..100).map(|id| place(round * 100 + id, 50)).collect();
            cursor = cursor.next(&shown, 100, 99).unwrap().unwrap();
        }
        assert_eq!((cursor.exclude.len(), cursor.page), (500, 4));
    }

    #[test]
    fn a_list_without_end_is_an_error() {
        let cursor = Cursor { page: 1, pages: 8, ..Cursor::default() };
        assert!(cursor.next(&[place(1, 1)], 1, 9).is_err());
    }
}

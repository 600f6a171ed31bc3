//! Lists keys as S3 does: in the order of their bytes, with everything between a prefix and the next
//! delimiter folded into one entry.

use super::Store;
use super::error::StoreError;
use super::index::From;
use super::model::Object;

/// What to list.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pub(super) prefix: String,
    /// Empty for none.
    pub(super) delimiter: String,
    /// The last entry of the page before, a key or a folded prefix.
    pub(super) after: Option<String>,
    /// 0 to 1000.
    pub(super) limit: usize,
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    pub(super) common_prefixes: Vec<String>,
    /// The last entry, when there are more.
    pub(super) next_after: Option<String>,
}

/// Lists one page.
pub(super) async fn list(store: &Store, query: &Query) -> Result<Page, StoreError> {
    let mut page = Page::default();
    if query.limit == 0 {
        return Ok(page);
    }
    let until = after_prefix(query.prefix.as_bytes());
    let mut from = start(query);
    let mut last = None;
    loop {
        let room = query.limit - page.objects.len() - page.common_prefixes.len();
        // One more than fits says whether there are more.
        let limit = i64::try_from(room + 1).unwrap_or(i64::MAX);
        let rows = store.index.page(&from, until.as_deref(), limit).await?;
        let ended = rows.len() <= room;
        let mut folded = None;
        for object in rows {
            if page.objects.len() + page.common_prefixes.len() == query.limit {
                page.next_after = last;
                return Ok(page);
            }
            match fold(&object.key, query) {
                Some(prefix) => {
                    last = Some(prefix.clone());
                    page.common_prefixes.push(prefix.clone());
                    folded = Some(prefix);
                    break;
                }
                None => {
                    last = Some(object.key.clone());
                    page.objects.push(object);
                }
            }
        }
        match folded {
            // Skip the rest of the folded keys in one step, however many there are.
            Some(prefix) => match after_prefix(prefix.as_bytes()) {
                Some(next) => from = From::At(next),
                None => return Ok(page),
            },
            None if ended => return Ok(page),
            None => return Err(StoreError::Corrupt("a page holds more than was asked for")),
        }
    }
}

/// The folded prefix that a key belongs to.
fn fold(key: &str, query: &Query) -> Option<String> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = key.strip_prefix(query.prefix.as_str())?;
    let end = rest.find(&query.delimiter)? + query.delimiter.len();
    Some(format!("{}{}", query.prefix, &rest[..end]))
}

fn start(query: &Query) -> From {
    let prefix = query.prefix.as_bytes().to_vec();
    match &query.after {
        Some(after) if after.as_bytes() >= prefix.as_slice() => {
            match fold(after, query).and_then(|folded| after_prefix(folded.as_bytes())) {
                Some(next) => From::At(next),
                None => From::After(after.clone().into_bytes()),
            }
        }
        Some(_) | None => From::At(prefix),
    }
}

/// The first key behind all keys with a prefix; `None` when there is no such key.
pub(super) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_behind_a_prefix_is_not_below_any_key_with_it() {
        assert_eq!(after_prefix(b"a/"), Some(b"a0".to_vec()));
        assert_eq!(after_prefix(&[b'a', 0xff]), Some(b"b".to_vec()));
        assert_eq!(after_prefix(b""), None);
    }

    #[test]
    fn a_key_folds_at_the_first_delimiter_behind_the_prefix() {
        let query = Query { prefix: "a/".into(), delimiter: "/".into(), ..Query::default() };
        assert_eq!(fold("a/b/c", &query), Some("a/b/".to_owned()));
        assert_eq!(fold("a/b", &query), None);
    }
}

//! Lists of WorkOS, which come in pages. A list is read to its end or not at all.

use std::collections::HashSet;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    call::{Request, present},
    client::Workos,
    error::WorkosError,
};

/// The most records that WorkOS puts on a page.
const PAGE: &str = "100";
/// More pages than any environment has: paging that does not end is an error.
const MOST_PAGES: usize = 1_000;

#[derive(Deserialize)]
struct Page {
    /// Not read before each record is read by itself: one that no JSON reader takes must not fail the page.
    data: Vec<Box<RawValue>>,
    list_metadata: ListMetadata,
}

#[derive(Deserialize)]
struct ListMetadata {
    /// Must be there: without it nothing says whether this page is the last.
    #[serde(deserialize_with = "present")]
    after: Option<String>,
}

impl Workos {
    /// Every record of the list at `path`, read by `read` as its page arrives.
    pub(crate) async fn whole_list<T>(
        &self,
        path: &'static str,
        key: &SecretString,
        read: fn(&RawValue) -> T,
    ) -> Result<Vec<T>, WorkosError> {
        let mut records = Vec::new();
        let mut cursors = HashSet::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut request = Request::get(path, key).with_query("limit", PAGE);
            if let Some(cursor) = &after {
                request = request.with_query("after", cursor);
            }
            let answer = self.send(&request).await?;
            let page: Page = answer.read()?;
            records.extend(page.data.iter().map(|record| read(record)));
            match page.list_metadata.after {
                None => return Ok(records),
                Some(cursor) if cursor.is_empty() => {
                    return Err(answer.unreadable("the cursor of the next page is empty"));
                }
                Some(cursor) if !cursors.insert(cursor.clone()) => {
                    return Err(answer.unreadable("a cursor came twice"));
                }
                Some(cursor) => after = Some(cursor),
            }
        }
        let call = Request::get(path, key).call;
        let problem = format!("the list has more than {MOST_PAGES} pages");
        Err(WorkosError::Unreadable { call, problem, request_id: None })
    }
}

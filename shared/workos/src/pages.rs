//! Lists of WorkOS, which come in pages. A list is read to its end or not at all.

use std::collections::HashSet;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    call::{Request, present},
    client::Workos,
    error::{WorkosError, is_about_the_request},
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
    /// Every record of the list at `path`, read by `read` as its page arrives. A cursor is the ID of a record: where that
    /// one is gone by the next page, `WorkOS` refuses it, and the list is read once more from its beginning.
    pub(crate) async fn whole_list<T>(
        &self,
        path: &'static str,
        key: &SecretString,
        read: fn(&RawValue) -> T,
    ) -> Result<Vec<T>, WorkosError> {
        match self.list_once(path, key, read).await {
            Err(WorkosError::RefusedCursor(_)) => self.list_once(path, key, read).await,
            outcome => outcome,
        }
    }

    async fn list_once<T>(
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
            let answer = self.send(&request).await.map_err(|error| match error {
                // The first page was taken, so it is the cursor that is refused, and not the list.
                WorkosError::Refused(refusal) if after.is_some() && refuses_parameter(refusal.status) => {
                    WorkosError::RefusedCursor(refusal)
                }
                error => error,
            })?;
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

/// Whether an answer of this status is about a parameter, and neither about the key nor about how often was asked.
fn refuses_parameter(status: u16) -> bool {
    is_about_the_request(status) && !matches!(status, 401 | 403)
}

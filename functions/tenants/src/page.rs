//! Pages of lists: `limit` and an opaque `cursor`.

use axum::{
    Json,
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use causeway_store::{Found, Page, Unreadable, tell};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use crate::problem::Problem;

/// How many items a page has unless asked otherwise, and at most.
const USUAL: i32 = 50;
const MOST: i32 = 100;
/// The longest key that an item of a list has, in bytes, and more.
const LONGEST_KEY: usize = 200;

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// How many items, from 1 to 100.
    pub limit: i32,
    /// After which item.
    pub after: Option<String>,
    /// Tells the list from others, in its cursors.
    list: String,
}

impl<S: Sync> FromRequestParts<S> for PageRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.path(), parts.uri.query())
    }
}

impl PageRequest {
    /// Reads the query of the list that is at `path`.
    pub fn parse(path: &str, query: Option<&str>) -> Result<Self, Problem> {
        let mut request = Self { limit: USUAL, after: None, list: list_mark(path) };
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    request.limit = limit
                        .ok_or_else(|| Problem::invalid("limit", format!("a limit is a number from 1 to {MOST}")))?;
                }
                "cursor" => {
                    request.after = Some(request.after_of(&value).ok_or_else(Self::no_cursor)?);
                }
                other => return Err(Problem::invalid(other, "unknown parameter: a list takes `limit` and `cursor`")),
            }
        }
        Ok(request)
    }

    /// What is answered to a cursor that is none of the list's.
    pub fn no_cursor() -> Problem {
        Problem::invalid("cursor", "a cursor is the next_cursor of an earlier page of this list")
    }

    /// The cursor of the page that begins after an item.
    pub fn cursor_of(&self, after: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}/{after}", self.list))
    }

    /// The item that a cursor of this list names; the key of another list's item could be anything here.
    fn after_of(&self, cursor: &str) -> Option<String> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let after = text.strip_prefix(&self.list)?.strip_prefix('/')?;
        // DynamoDB refuses a key of more than 1,024 bytes, which would look like a failure of Causeway's own.
        let is_key = (1..=LONGEST_KEY).contains(&after.len()) && after.bytes().all(|byte| byte.is_ascii_graphic());
        is_key.then(|| after.to_owned())
    }
}

/// What a list's cursors begin with: enough of a digest that no two lists are taken for one another by mistake.
fn list_mark(path: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(path.as_bytes())[..9])
}

impl IntoParams for PageRequest {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MOST));
        let in_query = |name: &str, description: &str| {
            ParameterBuilder::new().name(name).description(Some(description)).parameter_in(ParameterIn::Query)
        };
        vec![
            in_query("limit", "How many items a page has at most.")
                .schema(Some(limit.default(Some(USUAL.into()))))
                .build(),
            in_query("cursor", "The `next_cursor` of an earlier page of this list.")
                .schema(Some(String::schema()))
                .build(),
        ]
    }
}

/// A page of a list, the newest items first.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    items: Vec<T>,
    /// The `cursor` of the next page; null at the end.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// What stands in the table and can't be read, where there is any: it is not among the items.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    unreadable: Vec<UnreadableItem>,
}

/// An item of the table that can't be read, and has to be restored.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnreadableItem {
    /// Its key, as `partition key/sort key`.
    item: String,
    /// What is wrong with it.
    message: String,
}

impl From<Unreadable> for UnreadableItem {
    fn from(Unreadable { item, error }: Unreadable) -> Self {
        Self { item, message: error }
    }
}

/// A page as the API answers it.
pub fn answer<T, V: Serialize>(request: &PageRequest, page: Page<T>, view: impl Fn(T) -> V) -> Response {
    tell(&page.unreadable);
    let next_cursor = page.next.map(|next| request.cursor_of(&next));
    let unreadable = page.unreadable.into_iter().map(UnreadableItem::from).collect();
    Json(List { items: page.items.into_iter().map(view).collect(), next_cursor, unreadable }).into_response()
}

/// The page of a list that is there as a whole, newest first, by a key that sorts by age. What can't be read has none,
/// and is named on the first page.
pub fn of_all<T>(found: Found<T>, request: &PageRequest, key: impl Fn(&T) -> String) -> Page<T> {
    let Found { items: mut all, unreadable } = found;
    all.sort_by_key(|item| std::cmp::Reverse(key(item)));
    let mut items: Vec<T> =
        all.into_iter().filter(|item| request.after.as_ref().is_none_or(|after| key(item) < *after)).collect();
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(key);
    Page { items, unreadable: if request.after.is_none() { unreadable } else { Vec::new() }, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn following_the_cursors_shows_every_item_once_newest_first() {
        let mut request = PageRequest::parse("/v1/tenants", Some("limit=3")).unwrap();
        let mut seen = Vec::new();
        let unreadable = Unreadable { item: "a/b".to_owned(), error: "no".to_owned() };
        loop {
            let found = Found { items: (0..10).collect(), unreadable: vec![unreadable.clone()] };
            let page = of_all(found, &request, |number: &i32| format!("{number:02}"));
            assert_eq!(page.unreadable.is_empty(), !seen.is_empty(), "on the first page alone");
            seen.extend(page.items);
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..10).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_limit_or_cursor_that_is_none_is_refused() {
        let list = PageRequest::parse("/v1/tenants", None).unwrap();
        let long = format!("cursor={}", list.cursor_of(&"a".repeat(1025)));
        for query in [long.as_str(), "limit=0", "limit=101", "limit=x", "cursor=%20", "cursor=", "page=2"] {
            assert!(PageRequest::parse("/v1/tenants", Some(query)).is_err(), "{query}");
        }
        let request = PageRequest::parse("/v1/tenants", None).unwrap();
        assert_eq!((request.limit, request.after), (50, None));
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let cursor = PageRequest::parse("/v1/tenants/1/audit", None).unwrap().cursor_of("01KAPJ");
        let query = format!("cursor={cursor}");
        let own = PageRequest::parse("/v1/tenants/1/audit", Some(&query)).unwrap();
        assert_eq!(own.after.as_deref(), Some("01KAPJ"));
        for other in ["/v1/tenants", "/v1/tenants/2/audit"] {
            assert!(PageRequest::parse(other, Some(&query)).is_err(), "{other}");
        }
    }
}

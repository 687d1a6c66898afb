//! What WorkOS says of a user who signed in, read as it comes: nothing that an identity provider says of a user may
//! make the sign-in fail, but what decides who gets in refuses where it can't be read.

use serde_json::Value;

use crate::{
    connection::TEST_TYPE,
    id::{ConnectionId, OrganizationId},
    lenient::{Members, Said},
    timestamp::Timestamp,
};

/// The longest ID that WorkOS gives.
const LONGEST_ID: usize = 64;

/// An answer without a profile that a sign-in can go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}: missing, or not of the form that is expected")]
pub struct UnreadableProfile(&'static str);

/// A profile as `POST /sso/token` of WorkOS answers it (WorkOS API: `Profile`).
#[derive(Debug, Clone)]
pub struct Profile {
    /// WorkOS's ID of the profile: the same user of the same connection has the same.
    pub id: String,
    /// The connection that the user signed in with.
    pub connection_id: ConnectionId,
    /// The organization of that connection.
    pub organization_id: Option<OrganizationId>,
    /// The type of that connection, where it can be read.
    pub connection_type: Option<String>,
    /// The identity provider's own ID of the user.
    pub idp_id: Said<String>,
    /// The address.
    pub email: Said<String>,
    /// The first name.
    pub first_name: Said<String>,
    /// The last name.
    pub last_name: Said<String>,
    /// The full name.
    pub name: Said<String>,
    /// The groups that the identity provider named; none where they can't be read, since groups are rights.
    pub groups: Vec<Value>,
    /// The slug of the role that WorkOS gave the user; none where it can't be read, since a role is a right.
    pub role: Option<String>,
    /// The slugs of all of the user's roles; none where they can't be read.
    pub roles: Vec<Value>,
    /// The attributes that the environment's owner mapped.
    pub custom_attributes: Said<Members>,
    /// All that the identity provider said.
    pub raw_attributes: Said<Members>,
    /// When the user last showed who they are, where WorkOS says so: `auth_time` of the answer or of its profile, as
    /// OpenID Connect has it (Core, 2). No such member is in WorkOS's specification so far.
    pub authenticated_at: Option<Timestamp>,
}

impl Profile {
    /// Whether WorkOS's own identity provider for tests vouches for the user, which it does for anybody.
    pub fn is_of_test_provider(&self) -> bool {
        self.connection_type.as_deref() == Some(TEST_TYPE)
            || self.organization_id.as_ref().is_some_and(OrganizationId::is_test)
    }

    /// Reads an answer of `POST /sso/token`. The tokens in it are passed over unread.
    pub fn of_answer(answer: &Members) -> Result<Self, UnreadableProfile> {
        let Said::Value(profile) = answer.object("profile") else { return Err(UnreadableProfile("profile")) };
        let authenticated_at = [&profile, answer].into_iter().find_map(|members| auth_time(&members.get("auth_time")));
        Ok(Self { authenticated_at, ..Self::read(&profile)? })
    }

    fn read(profile: &Members) -> Result<Self, UnreadableProfile> {
        Ok(Self {
            id: required(profile, "id", |id| is_an_id(&id).then_some(id))?,
            connection_id: required(profile, "connection_id", |id| id.parse().ok())?,
            organization_id: match profile.text("organization_id").read(|id| id.parse().ok()) {
                Said::Nothing => None,
                Said::Garbled => return Err(UnreadableProfile("organization_id")),
                Said::Value(id) => Some(id),
            },
            connection_type: profile.text("connection_type").value().cloned(),
            idp_id: not_empty(profile.text("idp_id")),
            email: not_empty(profile.text("email")),
            first_name: not_empty(profile.text("first_name")),
            last_name: not_empty(profile.text("last_name")),
            name: not_empty(profile.text("name")),
            groups: list(profile.get("groups")),
            role: profile.get("role").value().and_then(slug),
            roles: list(profile.get("roles")).iter().filter_map(slug).map(Value::String).collect(),
            custom_attributes: profile.object("custom_attributes"),
            raw_attributes: profile.object("raw_attributes"),
            authenticated_at: None,
        })
    }
}

fn required<T>(
    profile: &Members,
    name: &'static str,
    read: impl FnOnce(String) -> Option<T>,
) -> Result<T, UnreadableProfile> {
    match profile.text(name).read(read) {
        Said::Value(value) => Ok(value),
        Said::Nothing | Said::Garbled => Err(UnreadableProfile(name)),
    }
}

/// Whether a text is an ID of WorkOS, which is opaque.
fn is_an_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// An empty text says as much as none.
pub(crate) fn not_empty(text: Said<String>) -> Said<String> {
    match text {
        Said::Value(text) if text.is_empty() => Said::Nothing,
        other => other,
    }
}

fn list(value: Said<Value>) -> Vec<Value> {
    match value {
        Said::Value(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// The slug of a role, which WorkOS gives as `{slug}`.
fn slug(role: &Value) -> Option<String> {
    let slug = role.get("slug").unwrap_or(role).as_str()?;
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// Seconds since 1970.
fn auth_time(value: &Said<Value>) -> Option<Timestamp> {
    value.value()?.as_i64().filter(|seconds| *seconds > 0).map(Timestamp::from_seconds)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// A profile of the user Ann with these members instead.
    pub fn profile(changes: &Value) -> Profile {
        let mut members = whole();
        members.extend(changes.as_object().unwrap().clone());
        read(&json!({ "profile": members }).to_string()).unwrap()
    }

    fn whole() -> Map<String, Value> {
        let profile = json!({
            "object": "profile", "id": "prof_1", "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5",
            "connection_type": "OktaSAML", "organization_id": "org_1", "idp_id": "idp_1", "email": "ann@example.com",
            "first_name": "Ann", "last_name": "Lee", "name": "Ann Lee", "groups": ["a"], "role": { "slug": "admin" },
            "roles": [{ "slug": "admin" }], "custom_attributes": { "team": "c" }, "raw_attributes": { "team": "r" },
        });
        profile.as_object().unwrap().clone()
    }

    fn read(answer: &str) -> Result<Profile, UnreadableProfile> {
        Profile::of_answer(&serde_json::from_str(answer).unwrap())
    }

    /// What of a profile can be compared, member by member.
    fn shown(profile: &Profile) -> Map<String, Value> {
        let text = |said: &Said<String>| json!(format!("{said:?}"));
        let team = |said: &Said<Members>| said.value().map_or(json!(null), |members| text(&members.text("team")));
        let shown = json!({
            "id": profile.id, "connection_id": profile.connection_id, "organization_id": profile.organization_id,
            "idp_id": text(&profile.idp_id), "email": text(&profile.email), "first_name": text(&profile.first_name),
            "last_name": text(&profile.last_name), "name": text(&profile.name), "groups": profile.groups, "role": profile.role,
            "roles": profile.roles, "custom_attributes": team(&profile.custom_attributes),
            "raw_attributes": team(&profile.raw_attributes),
        });
        shown.as_object().unwrap().clone()
    }

    /// The profile with one member dropped, null, or garbled in each way.
    fn faulty(name: &str) -> Vec<String> {
        let mut members = whole();
        members.remove(name);
        let rest = Value::Object(members).to_string();
        let nested = format!("{}{}", "[".repeat(130), "]".repeat(130));
        let odd =
            ["null", r#""\ud83d""#, "1e400", &nested, "7", "[7]", "{}", "true", r#""odd word ü""#, r#"["\ud83d"]"#];
        let with = odd.into_iter().map(|odd| format!(r#"{{"{name}":{odd},{}"#, &rest[1..]));
        with.chain([rest.clone()]).map(|profile| format!(r#"{{"profile":{profile}}}"#)).collect()
    }

    #[test]
    fn a_member_that_is_dropped_null_or_garbled_makes_no_other_unknown() {
        let good = shown(&profile(&json!({})));
        for name in whole().keys().filter(|name| !["id", "connection_id", "organization_id"].contains(&name.as_str())) {
            for answer in faulty(name) {
                let mut left = shown(&read(&answer).unwrap_or_else(|error| panic!("{error}: {answer}")));
                let mut expected = good.clone();
                left.remove(name);
                expected.remove(name);
                assert_eq!(left, expected, "{answer}");
            }
        }
    }

    #[test]
    fn what_decides_who_gets_in_refuses_where_it_can_not_be_read() {
        for name in ["id", "connection_id"] {
            for answer in faulty(name) {
                assert_eq!(read(&answer).unwrap_err(), UnreadableProfile(name), "{answer}");
            }
        }
        for answer in faulty("organization_id") {
            let is_none = answer.contains(r#""organization_id":null"#) || !answer.contains("organization_id");
            match read(&answer) {
                Ok(profile) => assert!(is_none && profile.organization_id.is_none(), "{answer}"),
                Err(error) => assert!(!is_none && error == UnreadableProfile("organization_id"), "{answer}"),
            }
        }
        for answer in [r#"{"profile":null}"#, "{}", r#"{"profile":[]}"#] {
            assert_eq!(read(answer).unwrap_err(), UnreadableProfile("profile"));
        }
    }

    #[test]
    fn groups_and_roles_that_can_not_be_read_are_none() {
        for name in ["groups", "role", "roles"] {
            for answer in faulty(name) {
                let profile = read(&answer).unwrap();
                let texts = match name {
                    "groups" => profile.groups.into_iter().filter(Value::is_string).collect(),
                    "role" => profile.role.map(Value::String).into_iter().collect(),
                    _ => profile.roles,
                };
                let expected =
                    if answer.contains("odd word") && name == "role" { vec![json!("odd word ü")] } else { vec![] };
                assert_eq!(texts, expected, "{answer}");
            }
        }
    }

    #[test]
    fn an_empty_text_says_as_much_as_none() {
        let profile = profile(&json!({ "email": "", "first_name": "", "role": { "slug": "" } }));
        assert_eq!((profile.email, profile.first_name, profile.role), (Said::Nothing, Said::Nothing, None));
    }

    #[test]
    fn when_the_user_showed_who_they_are_is_told_by_workos_alone() {
        let at = |answer: Value| read(&answer.to_string()).unwrap().authenticated_at;
        let (without, mut with) = (whole(), whole());
        with.insert("auth_time".to_owned(), json!(1_763_000_000));
        assert_eq!(at(json!({ "profile": with })), Some(Timestamp::from_seconds(1_763_000_000)));
        assert_eq!(at(json!({ "profile": without, "auth_time": 7 })), Some(Timestamp::from_seconds(7)));
        let mut raw = without;
        raw.insert("raw_attributes".to_owned(), json!({ "auth_time": 1_763_000_000 }));
        for odd in [json!(null), json!("1763000000"), json!(-1), json!(1.5)] {
            assert_eq!(at(json!({ "profile": raw, "auth_time": odd })), None, "{odd}");
        }
    }
}

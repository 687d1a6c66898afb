//! The path of a request, as API Gateway hands it over.

/// The path that the router gets: the event's `rawPath` without the stage and without the path of the public base URL,
/// each taken off once, where it leads the path as whole segments. API Gateway puts the name of a stage other than
/// `$default` before the path, and a custom domain the key of its API mapping (API Gateway: "Working with AWS Lambda
/// proxy integrations for HTTP APIs", "Use API mappings"); payload 2.0 does not say which of them it did.
///
/// `None` for a path that no route of ours needs: with anything but letters, digits, `-`, `.`, `_`, `~`, or with an
/// empty, a `.` or a `..` segment.
pub fn route_path<'a>(raw: &'a str, stage: &str, base: &str) -> Option<&'a str> {
    if !is_plain(raw) {
        return None;
    }
    let path = if stage == "$default" { raw } else { without(raw, &format!("/{stage}")) };
    Some(without(path, base)).filter(|path| !path.is_empty())
}

fn is_plain(path: &str) -> bool {
    let is_plain_segment = |segment: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        !matches!(segment, "" | "." | "..") && segment.bytes().all(plain)
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain_segment))
}

/// The path behind `prefix`, if that is its first segments, else the path.
fn without<'a>(path: &'a str, prefix: &str) -> &'a str {
    path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stage_and_base_path_are_taken_off_once_and_as_whole_segments() {
        for (raw, stage, base, path) in [
            ("/v1/tenants", "$default", "", "/v1/tenants"),
            ("/prod/v1/tenants", "prod", "", "/v1/tenants"),
            ("/production/v1", "prod", "", "/production/v1"),
            ("/prod/prod/v1", "prod", "", "/prod/v1"),
            ("/base/v1", "$default", "/base", "/v1"),
            ("/prod/base/v1", "prod", "/base", "/v1"),
            ("/base/base/v1", "$default", "/base", "/base/v1"),
            ("/bases/v1", "$default", "/base", "/bases/v1"),
            ("/a/b/v1", "$default", "/a/b", "/v1"),
            ("/a/v1", "$default", "/a/b", "/a/v1"),
            ("/base", "$default", "/base", "/base"),
            ("/.well-known/openid-configuration", "$default", "", "/.well-known/openid-configuration"),
        ] {
            assert_eq!(route_path(raw, stage, base), Some(path), "{raw} {stage} {base}");
        }
    }

    #[test]
    fn a_path_that_no_route_needs_is_refused() {
        for raw in [
            "",
            "/",
            "v1",
            "/v1/",
            "//v1",
            "/v1//tenants",
            "/.",
            "/..",
            "/a/../v1",
            "/a/./v1",
            "/%2e%2e/v1",
            "/v1/a%00",
            "/a\\..\\v1",
            "/a;b",
            "/a?b",
            "/a#b",
            "/a b",
            "/a\tb",
            "/ä",
            "/．．/v1",
            "/a\u{7f}",
            "/a\"",
        ] {
            assert_eq!(route_path(raw, "$default", ""), None, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_is_the_end_of_the_path_and_has_no_segment_that_leads_elsewhere(
            raw in "(/|\\.|%|\\\\|[a-z]|\\PC){0,12}",
            stage in "(\\$default|a|b)",
            base in "(|/a|/a/b)",
        ) {
            if let Some(path) = route_path(&raw, &stage, &base) {
                prop_assert!(raw.ends_with(path) && path.starts_with('/'));
                prop_assert!(path.split('/').skip(1).all(|segment| !matches!(segment, "" | "." | "..")));
                prop_assert!(path.is_ascii() && !path.contains(['%', '\\', '?', '#', ';']));
            }
        }
    }
}

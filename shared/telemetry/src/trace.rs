//! Which trace of AWS X-Ray an invocation belongs to.

/// Where Lambda's runtime puts the header of the invocation that is under way (Lambda: "Using Lambda environment
/// variables", reserved ones).
const HEADER: &str = "_X_AMZN_TRACE_ID";

/// The tracing header of the invocation that is under way, to be sent along with what it leads to. None where
/// nothing is traced.
pub fn trace_header() -> Option<String> {
    std::env::var(HEADER).ok().filter(|header| !header.is_empty())
}

/// The ID of the trace that the invocation under way belongs to. Empty where nothing is traced.
pub fn current_trace_id() -> String {
    trace_id(trace_header().as_deref()).to_owned()
}

/// The ID of the trace in a header as Lambda and SQS give it: `Root=1-...;Parent=...;Sampled=1` (X-Ray: "Tracing
/// header"). Empty where there is none, or what is there has another form: whoever calls can send any.
pub fn trace_id(header: Option<&str>) -> &str {
    let mut parts = header.unwrap_or_default().split(';');
    let root = parts.find_map(|part| part.trim().strip_prefix("Root="));
    root.filter(|root| is_trace_id(root)).unwrap_or_default()
}

/// Whether a text is a trace's ID: `1-`, 8 and 24 hexadecimal digits.
fn is_trace_id(text: &str) -> bool {
    let is_hex = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = text.strip_prefix("1-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(time, random)| is_hex(time, 8) && is_hex(random, 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_trace_is_its_root_wherever_it_stands() {
        let id = "1-5759e988-bd862e3fe1be46a994272793";
        assert_eq!(trace_id(Some(&format!("Root={id};Parent=53995c3f42cd8ad8;Sampled=1"))), id);
        assert_eq!(trace_id(Some(&format!("Self=1-2-3; Root={id}"))), id);
        assert_eq!((trace_id(Some("Sampled=1")), trace_id(None)), ("", ""));
        for odd in ["1-2-3", &"a".repeat(100_000), "1-5759e988-bd862e3fe1be46a99427279\n", "\u{2028}"] {
            assert_eq!(trace_id(Some(&format!("Root={odd}"))), "", "{odd}");
        }
    }
}

//! What the generated document has besides what routes and types say.

use utoipa::{
    ToSchema,
    openapi::{
        Content, OpenApi, PathItem, Ref, RefOr, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Schema, Type},
    },
};

use crate::{
    idempotency,
    problem::{PROBLEM, ProblemAnswer},
};

const ABOUT_KEY: &str =
    "Of your own making: the same request with the same key is carried out once, and has the same answer for a day.";
const ABOUT_VERSION: &str = "The `ETag` of what is to be changed; without it the change is made to what is there.";

/// Adds what no operation names for itself: `Idempotency-Key` to those that create, `If-Match` to those that answer
/// 412, and the problems that all have in common. A body that can be left out is not null.
pub fn completed(mut document: OpenApi) -> OpenApi {
    for path in idempotency::CREATES {
        if let Some(operation) = document.paths.paths.get_mut(path).and_then(|item| item.post.as_mut()) {
            take_key(operation);
        }
    }
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        take_no_null(operation);
        if operation.responses.responses.contains_key("412") {
            take_header(operation, "If-Match", ABOUT_VERSION, ObjectBuilder::new());
        }
    }
    with_common_problems(document)
}

fn take_header(operation: &mut Operation, name: &str, description: &str, value: ObjectBuilder) {
    let header = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .description(Some(description))
        .schema(Some(value.schema_type(Type::String)));
    operation.parameters.get_or_insert_default().push(header.build().into());
}

/// For `utoipa` what can be left out can be null.
fn take_no_null(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        let RefOr::T(Content { schema: Some(schema), .. }) = content else { continue };
        let RefOr::T(Schema::OneOf(either)) = schema else { continue };
        let object = either.items.iter().find(|item| matches!(item, RefOr::Ref(_))).cloned();
        if let Some(object) = object {
            *schema = object;
        }
    }
}

fn take_key(operation: &mut Operation) {
    let printable = ObjectBuilder::new().pattern(Some("^[ -~]{1,255}$"));
    take_header(operation, idempotency::KEY, ABOUT_KEY, printable);
    for (status, description) in [
        ("409", "The request with this `Idempotency-Key` is still carried out."),
        ("422", "The `Idempotency-Key` came with another body before."),
    ] {
        let answered = operation.responses.responses.entry(status.to_owned());
        answered.or_insert_with(|| problem(description));
    }
}

fn problem(description: &str) -> RefOr<utoipa::openapi::Response> {
    let content = Content::new(Some(Ref::from_schema_name(ProblemAnswer::name())));
    ResponseBuilder::new().description(description).content(PROBLEM, content).build().into()
}

fn with_common_problems(mut document: OpenApi) -> OpenApi {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        let is_in = |place: &ParameterIn| {
            operation
                .parameters
                .iter()
                .flatten()
                .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == *place))
        };
        let takes_input = operation.request_body.is_some() || is_in(&ParameterIn::Query) || is_in(&ParameterIn::Header);
        let problems = [
            (
                "400",
                takes_input,
                "A field, parameter or header breaks its rule: `field` names it, `detail` says the rule.",
            ),
            ("404", is_in(&ParameterIn::Path), "There is nothing here that is the caller's to see."),
            ("500", true, "A mistake of Causeway's."),
            ("503", true, "Not available at the moment: try again."),
        ];
        for (status, _, description) in problems.into_iter().filter(|(_, applies, _)| *applies) {
            let answered = operation.responses.responses.entry(status.to_owned());
            answered.or_insert_with(|| problem(description));
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete, &mut item.put].into_iter().flatten()
}

mod tests {
    use std::{collections::BTreeSet, fs, path::PathBuf};

    use super::*;
    use crate::routes;

    fn of_workspace(path: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
    }

    #[test]
    fn the_committed_document_is_the_one_that_the_code_generates() {
        let generated = routes::described().to_pretty_json().unwrap() + "\n";
        let file = of_workspace("docs/openapi.json");
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            fs::write(&file, &generated).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == generated,
            "docs/openapi.json is not what the code generates: run `UPDATE_OPENAPI=1 cargo test -p tenants openapi`, \
             look at what changed, and commit it"
        );
    }

    #[test]
    fn the_template_routes_to_exactly_the_calls_that_the_code_serves() {
        let template = fs::read_to_string(of_workspace("template.yaml")).unwrap();
        let declared: BTreeSet<String> = template
            .lines()
            .filter_map(|line| line.trim().strip_prefix("RouteKey: "))
            .filter(|key| key.contains(" /v1/"))
            .map(str::to_owned)
            .collect();
        let mut document = routes::described();
        let mut served = BTreeSet::new();
        for (path, item) in &mut document.paths.paths {
            let methods = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
                ("PUT", &item.put),
            ];
            let methods = methods.into_iter().filter(|(_, operation)| operation.is_some());
            served.extend(methods.map(|(method, _)| format!("{method} {path}")));
        }
        assert_eq!(declared, served);
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let mut document = routes::described();
        let mut names = BTreeSet::new();
        for operation in document.paths.paths.values_mut().flat_map(operations) {
            let name = operation.operation_id.clone().unwrap();
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
    }
}

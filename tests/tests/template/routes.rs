//! Which function each route leads to, and who may call it.

use std::collections::BTreeSet;

use super::{property, resources, template};

/// A route: its name in the template, its key, who is let through to it and the function behind it.
struct Route<'a> {
    name: &'a str,
    key: &'a str,
    authorization: &'a str,
    function: &'a str,
}

impl Route<'_> {
    fn path(&self) -> &str {
        self.key.split_once(' ').unwrap().1
    }
}

fn routes(template: &str) -> Vec<Route<'_>> {
    let routes = resources(template, "AWS::ApiGatewayV2::Route").into_iter();
    let routes = routes.map(|route| Route {
        name: route.trim_start().split(':').next().unwrap(),
        key: property(route, "RouteKey").unwrap(),
        authorization: property(route, "AuthorizationType").unwrap(),
        function: property(route, "Target")
            .and_then(|target| target.strip_prefix("!Sub integrations/${")?.strip_suffix("Integration}"))
            .unwrap_or_else(|| panic!("leads to no function: {route}")),
    });
    routes.collect()
}

/// The keys of the routes that the stage sets a limit for.
fn limited(template: &str) -> BTreeSet<&str> {
    let stage = resources(template, "AWS::ApiGatewayV2::Stage")[0];
    let settings =
        stage.split("      RouteSettings:\n").nth(1).unwrap().split("      AccessLogSettings:\n").next().unwrap();
    settings.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\":").map(|(key, _)| key)).collect()
}

#[test]
fn what_iam_guards_and_what_anybody_may_reach_are_never_in_one_function() {
    let template = template();
    let routes = routes(&template);
    assert!(routes.len() >= 40, "{} routes", routes.len());
    for route in &routes {
        let is_guarded = route.path().starts_with("/v1/");
        assert_eq!(route.authorization, if is_guarded { "AWS_IAM" } else { "NONE" }, "{}", route.key);
        assert_eq!(route.function == "Tenants", is_guarded, "{} leads to {}", route.key, route.function);
    }
    for function in ["Ingest", "Onboarding", "Signin"] {
        assert!(routes.iter().any(|route| route.function == function), "no route leads to {function}");
    }
}

#[test]
fn an_open_route_leads_to_the_function_of_its_first_segment() {
    let template = template();
    for route in routes(&template).iter().filter(|route| route.authorization == "NONE") {
        let function = match route.path().split('/').nth(1).unwrap() {
            "webhooks" => "Ingest",
            "onboarding" => "Onboarding",
            "oidc" | "start" | "discover" => "Signin",
            other => panic!("an open route of its own: {other}"),
        };
        assert_eq!(route.function, function, "{}", route.key);
    }
}

#[test]
fn the_stage_waits_for_every_route_that_it_sets_a_limit_for_and_limits_every_open_one() {
    let template = template();
    let routes = routes(&template);
    let open = routes.iter().filter(|route| route.authorization == "NONE");
    assert_eq!(open.map(|route| route.key).collect::<BTreeSet<_>>(), limited(&template));
    let stage = resources(&template, "AWS::ApiGatewayV2::Stage")[0];
    assert!(stage.contains("DefaultRouteSettings:"), "{stage}");
    let waited_for = stage.split("DependsOn:\n").nth(1).unwrap();
    let waited_for: BTreeSet<&str> = waited_for.lines().map_while(|line| line.trim().strip_prefix("- ")).collect();
    let limited = limited(&template);
    let needed = routes.iter().filter(|route| limited.contains(route.key));
    assert_eq!(needed.map(|route| route.name).collect::<BTreeSet<_>>(), waited_for);
}

#[test]
fn the_api_may_call_each_function_for_the_paths_of_its_routes_only() {
    let template = template();
    let (routes, permissions) = (routes(&template), resources(&template, "AWS::Lambda::Permission"));
    assert!(permissions.len() >= 5, "{permissions:?}");
    let mut permitted = BTreeSet::new();
    for permission in permissions {
        assert_eq!(property(permission, "Principal"), Some("apigateway.amazonaws.com"), "{permission}");
        let function = property(permission, "FunctionName").unwrap();
        let function = function.rsplit_once("!Ref ").unwrap().1.trim_end_matches("Function]");
        let source = property(permission, "SourceArn").unwrap().split("${Api}/*/").nth(1).unwrap();
        let (_, path) = source.split_once('/').unwrap();
        let folder = path.strip_suffix("/*").unwrap_or_else(|| panic!("another form: {path}"));
        for route in routes.iter().filter(|route| route.path().split('/').nth(1) == Some(folder)) {
            assert_eq!(route.function, function, "{} by {permission}", route.key);
            permitted.insert(route.key);
        }
    }
    assert_eq!(permitted, routes.iter().map(|route| route.key).collect());
}

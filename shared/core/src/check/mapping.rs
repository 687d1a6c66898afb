//! Whether sign-ins can write what a pool's mapping asks for: each mapped attribute against the pool's schema
//! (Cognito: "Specifying identity provider attribute mappings" and "Working with user attributes").

use std::collections::BTreeMap;

use super::{
    Check,
    claim::{Kind, kind, never_sent},
};
use crate::{oidc::attributes::LONGEST_VALUE, schema::SchemaAttribute};

const ATTRIBUTES: &str = "attribute_mapping";

/// Cognito makes it from the provider's name and `sub`: it is no attribute of the schema.
const USERNAME: &str = "username";

/// The console's default `MaxLength` of a custom attribute. Five or six groups with the IDs that Entra gives them are
/// longer.
const CONSOLES_LENGTH: u32 = 256;

/// The attributes that every pool has (Cognito: "Working with user attributes", standard attributes), shown or not.
const STANDARD: [&str; 19] = [
    "address",
    "birthdate",
    "email",
    "email_verified",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "phone_number_verified",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];

/// What is wrong with a mapping: what no sign-in gets past, and what some may not.
#[derive(Debug, Default)]
struct Faults {
    failing: Vec<String>,
    doubtful: Vec<String>,
}

/// Checks a mapping of attributes to claims against a pool's schema: one check that fails, one that warns, or one that
/// passes.
pub fn check_mapping(mapping: &BTreeMap<String, String>, schema: &[SchemaAttribute]) -> Vec<Check> {
    let mut faults = Faults::default();
    for (name, claim) in mapping.iter().filter(|(name, _)| *name != USERNAME) {
        faults.failing.extend(never_sent(claim));
        match schema.iter().find(|attribute| attribute.name == *name) {
            None if STANDARD.contains(&name.as_str()) => {}
            None => faults.failing.push(format!("{name} is not in the pool's schema")),
            Some(attribute) if !attribute.mutable => faults.failing.push(format!("{name} is not mutable")),
            Some(attribute) => faults.of_value(attribute, claim),
        }
    }
    let is_unmapped = |attribute: &&SchemaAttribute| {
        attribute.required && attribute.name != "sub" && !mapping.contains_key(&attribute.name)
    };
    let unmapped = schema.iter().filter(is_unmapped);
    faults.failing.extend(unmapped.map(|attribute| format!("{} is required and not mapped", attribute.name)));
    faults.of_verified_address(mapping);
    faults.checks()
}

impl Faults {
    /// Whether the attribute takes what the claim holds.
    fn of_value(&mut self, attribute: &SchemaAttribute, claim: &str) {
        let SchemaAttribute { name, data_type, min_length, max_length, .. } = attribute;
        // Of a type that is not known nothing is concluded.
        let holds_text = !matches!(data_type.as_str(), "Number" | "DateTime" | "Boolean");
        match kind(claim) {
            Kind::Boolean if holds_text || data_type == "Boolean" => {}
            Kind::Any if !holds_text => self.doubtful.push(format!(
                "{name} is of the type {data_type}: a user of whom {claim} says anything else can't sign in"
            )),
            _ if !holds_text => self.failing.push(format!(
                "{name} is of the type {data_type}, and {claim} is a text: map it to an attribute of the type String"
            )),
            Kind::Text { least, usual } => {
                self.of_length(name, claim, *max_length, least, usual);
                match *min_length {
                    Some(shortest) if shortest > usual => {
                        self.failing.push(format!("{name} has a MinLength that {claim} hardly ever has"));
                    }
                    Some(shortest) if shortest > 1 => self.doubtful.push(format!(
                        "{name} takes no fewer than {shortest} characters (MinLength): a user whose {claim} is shorter \
                         can't sign in"
                    )),
                    _ => {}
                }
            }
            Kind::List => {
                let longest = u32::try_from(LONGEST_VALUE).unwrap_or(u32::MAX);
                self.of_length(name, claim, *max_length, CONSOLES_LENGTH + 1, longest);
                // `[]` is sent for whoever has none.
                if min_length.is_some_and(|shortest| shortest > 2) {
                    self.failing.push(format!("{name} has a MinLength above 2: a user without {claim} can't sign in"));
                }
            }
            Kind::Boolean | Kind::Any => {}
        }
    }

    fn of_length(&mut self, name: &str, claim: &str, longest: Option<u32>, least: u32, usual: u32) {
        let Some(longest) = longest.filter(|longest| *longest < usual) else { return };
        let fault = format!(
            "{name} takes at most {longest} characters (MaxLength): a user whose {claim} is longer can't sign in"
        );
        if longest < least { self.failing.push(fault) } else { self.doubtful.push(fault) }
    }

    /// `email_verified` is said of the claim `email` alone.
    fn of_verified_address(&mut self, mapping: &BTreeMap<String, String>) {
        let claim_of = |name: &str| mapping.get(name).map(String::as_str);
        match claim_of("email_verified") {
            None => {}
            Some("email_verified") => match claim_of("email") {
                Some("email") => {}
                Some(other) => self.failing.push(format!(
                    "email_verified is mapped beside an email that is mapped from {other}: nobody has verified that address"
                )),
                None => self.doubtful.push(
                    "email_verified is mapped and email is not: it would vouch for an address that users give themselves"
                        .to_owned(),
                ),
            },
            Some(other) => self.failing.push(format!(
                "email_verified is mapped from {other}: only the claim email_verified says what WorkOS vouches for"
            )),
        }
    }

    fn checks(self) -> Vec<Check> {
        let mut checks = Vec::new();
        if !self.failing.is_empty() {
            checks.push(Check::fail(
                ATTRIBUTES,
                self.failing.join("; "),
                "Have the operator set an `attribute_mapping` of each required attribute, and only of attributes that \
                 exist, are mutable and take what is sent. Type and lengths of an attribute can't be changed: add \
                 another one to the pool, of the type String with a MaxLength of 2048.",
            ));
        }
        if !self.doubtful.is_empty() {
            checks.push(Check::warn(
                ATTRIBUTES,
                self.doubtful.join("; "),
                "Add an attribute of the type String with a MaxLength of 2048 to the pool, and map that one.",
            ));
        }
        if checks.is_empty() {
            checks.push(Check::pass(
                ATTRIBUTES,
                "every mapped attribute exists, is mutable and takes what is sent; every required one is mapped",
            ));
        }
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CheckOutcome;

    fn attribute(name: &str) -> SchemaAttribute {
        SchemaAttribute {
            name: name.to_owned(),
            data_type: "String".to_owned(),
            required: false,
            mutable: true,
            min_length: Some(0),
            max_length: Some(2048),
        }
    }

    fn mapped(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, claim)| ((*name).to_owned(), (*claim).to_owned())).collect()
    }

    /// How the checks of a mapping came out, and what they say.
    fn found(pairs: &[(&str, &str)], schema: &[SchemaAttribute]) -> (CheckOutcome, String) {
        let checks = check_mapping(&mapped(pairs), schema);
        assert_eq!(checks.len(), 1, "{checks:?}");
        (checks[0].outcome, checks[0].message.clone())
    }

    #[test]
    fn an_attribute_that_is_not_there_not_mutable_or_required_and_not_mapped_fails() {
        let schema = [
            SchemaAttribute { mutable: false, ..attribute("email") },
            SchemaAttribute { required: true, ..attribute("name") },
            SchemaAttribute { required: true, mutable: false, ..attribute("sub") },
        ];
        let (outcome, message) = found(&[("email", "email"), ("custom:team", "team"), ("username", "sub")], &schema);
        assert_eq!(outcome, CheckOutcome::Fail);
        assert_eq!(
            message,
            "custom:team is not in the pool's schema; email is not mutable; name is required and not mapped"
        );
    }

    #[test]
    fn a_list_fails_in_an_attribute_of_the_consoles_length_and_warns_up_to_the_longest_that_is_sent() {
        for (longest, outcome) in [
            (Some(256), CheckOutcome::Fail),
            (Some(257), CheckOutcome::Warn),
            (Some(2047), CheckOutcome::Warn),
            (Some(2048), CheckOutcome::Pass),
            (None, CheckOutcome::Pass),
        ] {
            for claim in ["groups", "roles"] {
                let schema = [SchemaAttribute { max_length: longest, ..attribute("custom:list") }];
                assert_eq!(found(&[("custom:list", claim)], &schema).0, outcome, "{claim} {longest:?}");
            }
        }
        let schema = [SchemaAttribute { min_length: Some(3), ..attribute("custom:list") }];
        assert_eq!(found(&[("custom:list", "groups")], &schema).0, CheckOutcome::Fail, "nobody without groups gets in");
    }

    #[test]
    fn a_text_that_is_shorter_than_the_attribute_takes_is_warned_of() {
        for (shortest, outcome) in [
            (None, CheckOutcome::Pass),
            (Some(0), CheckOutcome::Pass),
            (Some(1), CheckOutcome::Pass),
            (Some(2), CheckOutcome::Warn),
            (Some(20), CheckOutcome::Warn),
            (Some(2048), CheckOutcome::Fail),
        ] {
            for claim in ["given_name", "role"] {
                let schema = [SchemaAttribute { min_length: shortest, ..attribute("custom:it") }];
                assert_eq!(found(&[("custom:it", claim)], &schema).0, outcome, "{claim} {shortest:?}");
            }
        }
    }

    #[test]
    fn a_text_of_the_usual_length_fits_into_an_attribute_of_the_consoles_length() {
        let schema = [SchemaAttribute { max_length: Some(256), ..attribute("custom:it") }];
        for claim in ["email", "name", "role", "connection_id", "team", "raw.department"] {
            assert_eq!(found(&[("custom:it", claim)], &schema).0, CheckOutcome::Pass, "{claim}");
        }
        let short = |longest| [SchemaAttribute { max_length: Some(longest), ..attribute("custom:it") }];
        assert_eq!(found(&[("custom:it", "email")], &short(253)).0, CheckOutcome::Warn);
        assert_eq!(found(&[("custom:it", "connection_id")], &short(29)).0, CheckOutcome::Fail);
    }

    #[test]
    fn a_text_fails_in_an_attribute_of_another_type_and_what_may_be_of_that_type_warns() {
        for kind in ["Number", "DateTime", "Boolean"] {
            let schema = [SchemaAttribute { data_type: kind.to_owned(), ..attribute("custom:it") }];
            assert_eq!(found(&[("custom:it", "email")], &schema).0, CheckOutcome::Fail, "{kind}");
            assert_eq!(found(&[("custom:it", "groups")], &schema).0, CheckOutcome::Fail, "{kind}");
            assert_eq!(found(&[("custom:it", "raw.level")], &schema).0, CheckOutcome::Warn, "{kind}");
        }
        let new = [SchemaAttribute { data_type: "OfTheFuture".to_owned(), ..attribute("custom:it") }];
        assert_eq!(found(&[("custom:it", "email")], &new).0, CheckOutcome::Pass);
    }

    #[test]
    fn email_verified_is_refused_beside_an_address_that_nobody_verified() {
        let schema =
            [attribute("email"), SchemaAttribute { data_type: "Boolean".to_owned(), ..attribute("email_verified") }];
        for (pairs, outcome) in [
            (&[("email", "email"), ("email_verified", "email_verified")][..], CheckOutcome::Pass),
            (&[("email", "raw.mail"), ("email_verified", "email_verified")], CheckOutcome::Fail),
            (&[("email", "email"), ("email_verified", "raw.verified")], CheckOutcome::Fail),
            (&[("email_verified", "email_verified")], CheckOutcome::Warn),
            (&[("email", "raw.mail")], CheckOutcome::Pass),
        ] {
            let checks = check_mapping(&mapped(pairs), &schema);
            assert_eq!(checks[0].outcome, outcome, "{checks:?}");
        }
    }

    #[test]
    fn a_mapping_that_was_stored_with_a_claim_that_no_sign_in_has_fails() {
        let (outcome, message) = found(&[("phone_number", "phone_number")], &[attribute("phone_number")]);
        assert_eq!(outcome, CheckOutcome::Fail);
        assert!(message.contains("no sign-in has the claim phone_number"), "{message}");
    }
}

//! `/oauth2/authorize` as Cognito serves it: providers by identifier too, and only those that the app client
//! offers.

use anyhow::Result;
use http::StatusCode;
use url::form_urlencoded;

use super::emulator::Emulator;
use super::places::Places;
use super::proxy::{Received, Reply};

/// The path.
pub const PATH: &str = "/oauth2/authorize";
/// What users are shown who ask for a provider that there is not, or that the app client does not offer.
const NOT_AVAILABLE: &str = "Login option is not available. Please try another one";

/// What becomes of a request.
#[derive(Debug)]
pub enum Asked {
    /// The emulator answers it, changed to what it understands.
    PassOn(Received),
    /// It is refused.
    Refused(Reply),
}

/// Looks at a request. Browsers sign nothing, so that it may be changed.
pub async fn ask(mut request: Received, emulator: &Emulator, places: &Places) -> Result<Asked> {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let mut parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let find = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let (name, identifier) = (find("identity_provider"), find("idp_identifier"));
    let client_id = find("client_id").unwrap_or_default();
    if name.is_none() && identifier.is_none() {
        return Ok(Asked::PassOn(request));
    }
    let Some(client) = places.of_client(&client_id) else {
        let message = format!("the front has not seen the app client {client_id}: make or describe it through it");
        return Ok(Asked::Refused(Reply::new(StatusCode::BAD_REQUEST, "text/plain", message)));
    };
    // With both, Cognito takes the name.
    let name = match (name, identifier) {
        (Some(name), _) => Some(name),
        (None, Some(identifier)) => emulator.provider_by_identifier(&client.place, &client.pool, &identifier).await?,
        (None, None) => None,
    };
    let offered = emulator.supported(&client.place, &client.pool, &client_id).await?;
    let Some(name) = name.filter(|name| offered.contains(name)) else {
        return Ok(Asked::Refused(Reply::new(StatusCode::BAD_REQUEST, "text/html", NOT_AVAILABLE.to_owned())));
    };
    parameters.retain(|(key, _)| key != "idp_identifier" && key != "identity_provider");
    parameters.push(("identity_provider".to_owned(), name));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    request.target = format!("{PATH}?{query}");
    Ok(Asked::PassOn(request))
}

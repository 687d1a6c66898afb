//! Functions, invoked directly.

use anyhow::Result;
use serde_json::Value;

use crate::cloud::Cloud;
use crate::signed_http::SignedClient;

impl Cloud {
    /// Invokes a function, `function` being its name here, and gives what it answered.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Value> {
        let name = self.function_names.get(function).map_or(function, String::as_str);
        let client = SignedClient::new(self.integration().credentials(), &self.region, "lambda")?;
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.aws_endpoint);
        client.send("POST", &url, &[], payload.to_string().as_bytes()).await?.expect(200)?.json()
    }
}

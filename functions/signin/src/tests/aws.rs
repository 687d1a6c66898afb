//! DynamoDB and KMS as far as the bridge asks them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_core::tenant::{Purpose, Sealed, SecretOwner};
use serde_json::{Value, json};

/// An RSA key of 2048 bits as KMS gives it; its private half is not kept.
const PUBLIC_KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuwvixXY9EsNr6Wm6rVWxsRybKxw7wNdG0dd8SZTm3Eql/zRSo/Oow34bkGLtY/Kd6RGtZh99mavZPN6jSYGTGjm4Nybqs1fnhiNOwm9NpVIJTgb1DDJO0yGJwpJ0JKxs3SEJfjgnaGUEwD8Vi4cX5BWcwzbLDsk5QdrF4A0qunbMtzYnsQnb3YT3kwGsZaXYxoR5c082mCpG3QeZl6IvniWrYCf3HIpGmmvcQB5KeewRAuAFnUnPKoFTz6XtBqJQfLJJY+D4vVgg1qFURN8He+HPnTpAUkS4kypL1PbUuRYLSfJkH/P9Od25c+US8zopOD594YPpQwhEaODCGAYPCQIDAQAB";

#[derive(Debug, Default)]
struct State {
    items: HashMap<(String, String), Value>,
    calls: Vec<String>,
    denied: Option<&'static str>,
    hidden: Option<&'static str>,
    keys: HashMap<String, i64>,
}

/// A made-up AWS.
#[derive(Debug, Clone, Default)]
pub struct Aws(Arc<Mutex<State>>);

impl Aws {
    /// The configuration of clients of this AWS.
    pub fn configuration(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let aws = self.clone();
        causeway_aws::configuration_of(credentials, "eu-west-1".to_owned(), Some("http://aws.test".to_owned()))
            .into_builder()
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(aws.clone())))
            .build()
    }

    /// What was asked since the last time, in order.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }

    /// Makes a key at a time, in seconds since 1970.
    pub fn has_key(&self, arn: &str, made_at: i64) {
        self.0.lock().unwrap().keys.insert(arn.to_owned(), made_at);
    }

    /// Switches a key off.
    pub fn lose_key(&self, arn: &str) {
        self.0.lock().unwrap().keys.remove(arn).unwrap();
    }

    /// The items whose partition key begins with `prefix`.
    pub fn items(&self, prefix: &str) -> Vec<Value> {
        let state = self.0.lock().unwrap();
        let of = state.items.iter().filter(|((partition, _), _)| partition.starts_with(prefix));
        of.map(|(_, item)| item.clone()).collect()
    }

    /// Refuses an operation from now on.
    pub fn deny(&self, operation: &'static str) {
        self.0.lock().unwrap().denied = Some(operation);
    }

    /// Refuses nothing any more.
    pub fn allow(&self) {
        self.0.lock().unwrap().denied = None;
    }

    /// Answers the next question for an item of this partition key as if it were not there yet.
    pub fn hide_once(&self, partition: &'static str) {
        self.0.lock().unwrap().hidden = Some(partition);
    }

    /// Writes another text into an attribute of the items whose partition key begins with `prefix`.
    pub fn change(&self, prefix: &str, attribute: &str, text: &str) {
        let mut state = self.0.lock().unwrap();
        for ((partition, _), item) in &mut state.items {
            if partition.starts_with(prefix) {
                item[attribute] = json!({ "S": text });
            }
        }
    }

    /// Writes another value to a place, as a JSON pointer into DynamoDB's form, in the items whose sort key begins with
    /// `sort`.
    pub fn replace(&self, sort: &str, pointer: &str, value: &Value) {
        let mut state = self.0.lock().unwrap();
        let items = state.items.iter_mut().filter(|((_, key), _)| key.starts_with(sort));
        let places = items.map(|(_, item)| *item.pointer_mut(pointer).unwrap() = value.clone());
        assert_ne!(places.count(), 0, "{sort}");
    }

    /// Takes an attribute out of the items whose partition key begins with `prefix`.
    pub fn forget(&self, prefix: &str, attribute: &str) {
        let mut state = self.0.lock().unwrap();
        for ((partition, _), item) in &mut state.items {
            if partition.starts_with(prefix) {
                item.as_object_mut().unwrap().remove(attribute);
            }
        }
    }

    /// Removes an item behind the bridge's back.
    pub fn remove(&self, partition: &str, sort: &str) {
        self.0.lock().unwrap().items.remove(&(partition.to_owned(), sort.to_owned())).unwrap();
    }
}

/// A secret that this AWS opens for its owner and purpose.
pub fn sealed(owner: impl Into<SecretOwner>, purpose: Purpose, secret: &str) -> Sealed {
    Sealed(STANDARD.encode(format!("{} {} {secret}", owner.into().as_str(), purpose.as_str())))
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.split_once('.').unwrap().1.to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let mut state = self.0.lock().unwrap();
        state.calls.push(operation.clone());
        let (status, answer) = match state.answer(&operation, &body) {
            Ok(answer) => (200, answer),
            Err(code) => (400, json!({ "__type": code, "message": "refused" })),
        };
        let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(answer.to_string()));
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl State {
    fn answer(&mut self, operation: &str, body: &Value) -> Result<Value, &'static str> {
        if self.denied == Some(operation) {
            return Err("AccessDeniedException");
        }
        match operation {
            "GetItem" if self.hidden.is_some_and(|partition| body["Key"]["pk"]["S"] == partition) => {
                self.hidden = None;
                Ok(json!({}))
            }
            "GetItem" => Ok(match self.items.get(&key(&body["Key"])) {
                Some(item) => json!({ "Item": item }),
                None => json!({}),
            }),
            "Query" => {
                let values = &body["ExpressionAttributeValues"];
                let (partition, prefix) =
                    (values[":pk"]["S"].as_str().unwrap(), values[":prefix"]["S"].as_str().unwrap());
                let asked = |(pk, sk): &(String, String)| pk == partition && sk.starts_with(prefix);
                let found: Vec<&Value> =
                    self.items.iter().filter(|(key, _)| asked(key)).map(|(_, item)| item).collect();
                Ok(json!({ "Items": found }))
            }
            "PutItem" => {
                let is_once = body["ConditionExpression"] == "attribute_not_exists(pk)";
                if is_once && self.items.contains_key(&key(&body["Item"])) {
                    return Err("ConditionalCheckFailedException");
                }
                self.put(&body["Item"]);
                Ok(json!({}))
            }
            "TransactWriteItems" => {
                // The others are conditions.
                for put in body["TransactItems"].as_array().unwrap().iter().filter_map(|item| item.get("Put")) {
                    self.put(&put["Item"]);
                }
                Ok(json!({}))
            }
            "DeleteItem" => self.delete(body),
            "Decrypt" => decrypt(body),
            "Encrypt" => Ok(encrypt(body)),
            "GetPublicKey" => Ok(json!({ "PublicKey": self.public_key(body)? })),
            "DescribeKey" => Ok(json!({ "KeyMetadata": { "KeyId": body["KeyId"], "CreationDate": self.key(body)? } })),
            "Sign" => {
                assert_eq!(body["MessageType"], "DIGEST");
                assert_eq!(body["SigningAlgorithm"], "RSASSA_PKCS1_V1_5_SHA_256");
                Ok(json!({ "Signature": body["Message"] }))
            }
            _ => panic!("the bridge does not call {operation}"),
        }
    }

    /// When the key was made that a call is about, in seconds since 1970.
    fn key(&self, body: &Value) -> Result<i64, &'static str> {
        let arn = body["KeyId"].as_str().unwrap();
        self.keys.get(arn).copied().ok_or("KMSInvalidStateException")
    }

    /// A key that differs from the others in its modulus.
    fn public_key(&self, body: &Value) -> Result<String, &'static str> {
        self.key(body)?;
        let number = body["KeyId"].as_str().unwrap().bytes().next().unwrap();
        Ok(PUBLIC_KEY.replacen("uwvixXY9", &format!("uwvix{}Y9", char::from(number)), 1))
    }

    fn put(&mut self, item: &Value) {
        self.items.insert(key(item), item.clone());
    }

    /// Deletes where all clauses of the condition hold that comes with it.
    fn delete(&mut self, body: &Value) -> Result<Value, &'static str> {
        const REFUSED: &str = "ConditionalCheckFailedException";
        let (condition, values) = (body["ConditionExpression"].as_str().unwrap(), &body["ExpressionAttributeValues"]);
        let clauses: Vec<&str> = condition.split(" AND ").collect();
        // DynamoDB refuses a value that no clause has.
        assert_eq!(clauses.len(), values.as_object().unwrap().len(), "{condition}");
        let item = self.items.get(&key(&body["Key"])).ok_or(REFUSED)?;
        if !clauses.iter().all(|clause| holds(clause, item, values)) {
            return Err(REFUSED);
        }
        Ok(json!({ "Attributes": self.items.remove(&key(&body["Key"])) }))
    }
}

/// Whether a clause holds of an item, of the form `attribute = :value` or `attribute > :value`.
fn holds(clause: &str, item: &Value, values: &Value) -> bool {
    let words: Vec<&str> = clause.split_whitespace().collect();
    let [attribute, operator, value] = words[..] else { panic!("this is no clause that is known here: {clause}") };
    let (attribute, value) = (&item[attribute], &values[value]);
    assert!(value.is_object(), "there is no value for {clause}");
    let number = |value: &Value| value["N"].as_str().unwrap().parse::<i64>().unwrap();
    match operator {
        "=" => attribute == value,
        ">" => number(attribute) > number(value),
        _ => panic!("this is no operator that is known here: {clause}"),
    }
}

fn key(attributes: &Value) -> (String, String) {
    let text = |name: &str| attributes[name]["S"].as_str().unwrap().to_owned();
    (text("pk"), text("sk"))
}

fn encrypt(body: &Value) -> Value {
    let secret = String::from_utf8(STANDARD.decode(body["Plaintext"].as_str().unwrap()).unwrap()).unwrap();
    let context = &body["EncryptionContext"];
    let text = format!("{} {} {secret}", context["tenant"].as_str().unwrap(), context["purpose"].as_str().unwrap());
    json!({ "CiphertextBlob": STANDARD.encode(text) })
}

fn decrypt(body: &Value) -> Result<Value, &'static str> {
    let text = String::from_utf8(STANDARD.decode(body["CiphertextBlob"].as_str().unwrap()).unwrap()).unwrap();
    let context = &body["EncryptionContext"];
    let prefix = format!("{} {} ", context["tenant"].as_str().unwrap(), context["purpose"].as_str().unwrap());
    let secret = text.strip_prefix(&prefix).ok_or("InvalidCiphertextException")?;
    Ok(json!({ "Plaintext": STANDARD.encode(secret) }))
}

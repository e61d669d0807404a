//! Every operation of the interface against every kind of caller, read from its own document: what is added
//! there is tested here.

use std::collections::BTreeSet;

use innkeeper_identity::{Permission, Role};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::access::{resigned, unsigned};
use crate::server::{Answer, Caller, House, Server, send};

/// What anybody may ask, without saying who they are. A new operation does not come onto this list by itself.
const PUBLIC: [&str; 8] = [
    "GET /api/v1/cv/health",
    "GET /api/v1/cv/metrics",
    "GET /api/v1/ml/health",
    "GET /api/v1/ml/metrics",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    "GET /problems",
];

/// What opens by an address that an answer gave, and by nothing else.
const SIGNED: [&str; 1] = ["GET /api/v1/cv/image/{image_id}/file"];

/// One method of one path.
pub(crate) struct Operation {
    pub method: Method,
    pub path: String,
    /// Names in braces in the path.
    pub parameters: Vec<String>,
    /// Sets of permissions of which a token needs one set whole; none where nobody is asked who they are.
    pub needs: Vec<BTreeSet<String>>,
    body: Option<Value>,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path with a value for each parameter.
    pub fn filled(&self, value: impl Fn(&str) -> String) -> String {
        self.parameters
            .iter()
            .fold(self.path.clone(), |path, name| path.replace(&format!("{{{name}}}"), &value(name)))
    }

    /// The smallest body the schema allows, with these values for members of these names.
    pub fn body(&self, openapi: &Value, known: &Map<String, Value>) -> Option<Value> {
        self.body.as_ref().map(|schema| smallest(openapi, schema, known))
    }

    pub fn ask(&self, caller: &Caller<'_>, path: &str, body: Option<&Value>) -> Answer {
        let request = caller.request(self.method.clone(), path);
        send(if let Some(body) = body { request.json(body) } else { request })
    }

    fn is_allowed(&self, permissions: &BTreeSet<String>) -> bool {
        self.needs.iter().any(|set| set.is_subset(permissions))
    }
}

/// Every operation of the document.
pub(crate) fn operations(openapi: &Value) -> Vec<Operation> {
    const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let mut found = Vec::new();
    for (path, item) in openapi["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path item") {
            if !METHODS.contains(&method.as_str()) {
                continue;
            }
            // Ways to prove who one is are alternatives; here everybody has a token.
            let needs = operation["security"].as_array().into_iter().flatten();
            let needs = needs.filter_map(|way| way["bearer"].as_array());
            let texts = |set: &Vec<Value>| set.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            found.push(Operation {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                parameters: path
                    .split('{')
                    .skip(1)
                    .map(|rest| rest.split('}').next().expect("a name").to_owned())
                    .collect(),
                needs: needs.map(texts).collect(),
                body: operation["requestBody"]["content"]["application/json"]["schema"]
                    .as_object()
                    .map(|schema| Value::Object(schema.clone())),
            });
        }
    }
    assert!(found.len() >= 10, "the document is empty");
    found
}

/// The smallest value of a schema; a member that `known` names has its value from there.
fn smallest(openapi: &Value, schema: &Value, known: &Map<String, Value>) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = openapi.pointer(reference.trim_start_matches('#')).expect("a schema");
        return smallest(openapi, target, known);
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[choice].get(0) {
            return smallest(openapi, first, known);
        }
    }
    if let Some(one) = schema["enum"].get(0) {
        return one.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
    match kind {
        "object" => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            let members = properties.iter().filter(|(name, _)| {
                known.contains_key(*name) || required.contains(&Value::String((*name).clone()))
            });
            let value = |(name, schema): (&String, &Value)| {
                let value = known.get(name).cloned().unwrap_or_else(|| smallest(openapi, schema, known));
                (name.clone(), value)
            };
            Value::Object(members.map(value).collect())
        }
        "array" => json!([smallest(openapi, &schema["items"], known)]),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(false),
        "null" => Value::Null,
        _ => match (schema.get("example"), schema["format"].as_str()) {
            (Some(example), _) => example.clone(),
            (None, Some("uuid")) => json!("00000000-0000-7000-8000-000000000000"),
            (None, Some("date-time")) => json!("2025-01-17T08:30:00Z"),
            (None, _) => json!("x"),
        },
    }
}

/// A value for a parameter of a path that names nothing.
pub(crate) fn nobody(parameter: &str) -> String {
    let text = if parameter == "employee_id" { "EMP001" } else { "00000000-0000-7000-8000-000000000000" };
    text.to_owned()
}

fn permissions_of(role: Role) -> BTreeSet<String> {
    role.permissions().into_iter().map(|p| p.as_str().to_owned()).collect()
}

#[test]
fn the_list_of_what_is_open_to_everybody_is_the_whole_list() {
    let house = House::new("default");
    let server = house.serve();
    let openapi = server.anyone().get("/openapi.json").json(200);
    let all = operations(&openapi);
    let mut open: Vec<String> = all.iter().filter(|o| o.needs.is_empty()).map(Operation::name).collect();
    open.retain(|name| !SIGNED.contains(&name.as_str()));
    assert_eq!(open, PUBLIC, "what is open to everybody has changed");
    for operation in &all {
        for permission in operation.needs.iter().flatten() {
            assert!(permission.parse::<Permission>().is_ok(), "{}: {permission}", operation.name());
        }
        let answer = operation.ask(&server.anyone(), &operation.filled(nobody), None);
        if SIGNED.contains(&operation.name().as_str()) {
            answer.problem(403, "address_invalid");
        } else if operation.needs.is_empty() {
            assert_eq!(answer.status, 200, "{}: {}", operation.name(), answer.text());
        } else {
            answer.problem(401, "unauthenticated");
        }
    }
}

/// What is asked with this token: 401 and 403 where they belong, anything but those and a 500 elsewhere.
fn check(
    server: &Server<'_>,
    openapi: &Value,
    all: &[Operation],
    who: &str,
    token: &str,
    may: Option<&BTreeSet<String>>,
) {
    let caller = server.with(token);
    for operation in all.iter().filter(|o| !o.needs.is_empty()) {
        let body = operation.body(openapi, &Map::new());
        let answer = operation.ask(&caller, &operation.filled(nobody), body.as_ref());
        let said = format!("{} as {who}: {} {}", operation.name(), answer.status, answer.text());
        match may {
            None => {
                assert_eq!(answer.status, 401, "{said}");
                answer.problem(401, "invalid_token");
                assert_eq!(answer.header("www-authenticate"), "Bearer", "{said}");
            }
            Some(permissions) if operation.is_allowed(permissions) => {
                // Who may make keys may still not make one that does more than they do.
                let of_the_body = answer.text().contains("a key may not do more");
                assert!(answer.status < 500 && answer.status != 401, "{said}");
                assert!(answer.status != 403 || of_the_body, "{said}");
            }
            Some(_) => {
                assert_eq!(answer.status, 403, "{said}");
                answer.problem(403, "forbidden");
            }
        }
        // What may not be read may not be asked about either.
        if operation.method == Method::GET {
            let head = send(caller.request(Method::HEAD, &operation.filled(nobody)));
            assert_eq!(head.status, answer.status, "HEAD {said}");
        }
    }
}

#[test]
fn no_operation_is_open_to_a_token_that_is_none() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let server = house.serve();
    let openapi = server.anyone().get("/openapi.json").json(200);
    let all = operations(&openapi);
    let good = house.token("admin", "h1");
    let now = chrono::Utc::now().timestamp();
    let times = |iat: i64, nbf: i64, exp: i64| {
        resigned(&house, &good, |claims| {
            for (claim, at) in [("iat", iat), ("nbf", nbf), ("exp", exp)] {
                claims[claim] = json!(at);
            }
        })
    };
    let with = |claim: &str, value: Value| resigned(&house, &good, |claims| claims[claim] = value.clone());
    let (text, signature) = good.rsplit_once('.').expect("a signature");
    let flipped: String = signature.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect();
    let elsewhere = House::new("default");
    for (who, token) in [
        ("garbage", "letmein".to_owned()),
        ("three empty parts", "..".to_owned()),
        ("expired", times(now - 7200, now - 7200, now - 3600)),
        ("not yet valid", times(now, now + 3600, now + 7200)),
        ("of another audience", with("aud", json!("somebody-else"))),
        ("of another issuer", with("iss", json!("somebody-else"))),
        ("without an algorithm", unsigned(&good, "none")),
        ("without an algorithm, spelt otherwise", unsigned(&good, "nOnE")),
        ("of another algorithm", unsigned(&good, "HS512")),
        ("without a signature", format!("{text}.")),
        ("of a wrong signature", format!("{text}.{flipped}")),
        ("of another house", elsewhere.token("admin", "h1")),
        ("of an unknown role", with("role", json!("root"))),
        ("of a hotel that is none", with("hotel", json!("../h1"))),
    ] {
        check(&server, &openapi, &all, who, &token, None);
    }
    assert!(!server.log().join("\n").contains("panicked"));
}

#[test]
fn every_operation_is_open_to_exactly_those_whom_it_names() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let server = house.serve();
    let openapi = server.anyone().get("/openapi.json").json(200);
    let all = operations(&openapi);
    for role in Role::ALL {
        let (name, may) = (role.as_str(), permissions_of(*role));
        check(&server, &openapi, &all, name, &house.token(name, "h1"), Some(&may));
        // The same person of another hotel may as much, there.
        check(&server, &openapi, &all, name, &house.token(name, "h2"), Some(&may));
    }
    // A list in the token replaces what the role may: an admin's too.
    for permission in Permission::ALL {
        let only = BTreeSet::from([permission.as_str().to_owned()]);
        let narrowed = ["--subject=x", "--role=admin", "--hotel=h1", "--permissions", permission.as_str()];
        check(&server, &openapi, &all, permission.as_str(), &house.token_with(&narrowed), Some(&only));
    }
    let none = resigned(&house, &house.token("admin", "h1"), |claims| claims["permissions"] = json!([]));
    check(&server, &openapi, &all, "an admin without permissions", &none, Some(&BTreeSet::new()));
    // The cases above are about something.
    let reached = |permission: &str| all.iter().any(|o| o.needs.iter().flatten().any(|p| p == permission));
    assert!(reached("cv:recognize") && reached("cv:enroll"));
    assert!(!server.log().join("\n").contains("panicked"));
}

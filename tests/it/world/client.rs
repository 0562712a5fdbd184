//! An HTTP client of the service, with or without a credential.

use super::World;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// A client of the service.
#[derive(Clone)]
pub(crate) struct Client<'world> {
    pub(crate) world: &'world World,
    pub(crate) credential: Option<String>,
    /// The session cookie of a browser that signed in.
    pub(crate) cookie: Option<String>,
}

/// An HTTP response of the service.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A token that a test created.
#[derive(Debug, Clone)]
pub(crate) struct CreatedToken {
    pub(crate) id: String,
    pub(crate) uuid: String,
    pub(crate) value: String,
}

impl<'world> Client<'world> {
    pub(super) const fn new(world: &'world World, credential: Option<String>) -> Self {
        Self { world, credential, cookie: None }
    }

    /// Builds a request to a path, with the credential and the cookie.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.world.http.request(method, self.world.url(path));
        let request = match &self.cookie {
            Some(cookie) => request.header("cookie", cookie).header("x-tokenward-console", "1"),
            None => request,
        };
        match &self.credential {
            Some(credential) => request.bearer_auth(credential),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        read(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        read(self.request(Method::DELETE, path)).await
    }

    /// Sends a GraphQL operation by POST.
    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> Reply {
        let body = json!({ "query": query, "variables": variables });
        read(self.request(Method::POST, "/graphql").json(&body)).await
    }

    /// Runs a GraphQL operation and returns its data; panics if the response has errors.
    pub(crate) async fn query(&self, query: &str, variables: Value) -> Value {
        let reply = self.graphql(query, variables).await;
        assert!(reply.json().get("errors").is_none(), "{query}: {}", reply.text);
        reply.data()
    }

    /// Creates a token; panics if it is rejected.
    pub(crate) async fn create_token(&self, description: &str, slugs: &[&str], scopes: &[&str]) -> CreatedToken {
        self.create_expiring_token(description, slugs, scopes, None).await
    }

    /// Creates a token with an expiry in the format of RFC 3339.
    pub(crate) async fn create_expiring_token(
        &self,
        description: &str,
        slugs: &[&str],
        scopes: &[&str],
        expires_at: Option<String>,
    ) -> CreatedToken {
        let mut organizations = Vec::new();
        for slug in slugs {
            organizations.push(self.world.organization_id(slug).await);
        }
        let input = json!({
            "description": description, "organizationIds": organizations, "scopes": scopes, "expiresAt": expires_at,
        });
        let data = self.query(CREATE, json!({ "input": input })).await;
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let (token, value) = (&data["createToken"]["token"], &data["createToken"]["value"]);
        CreatedToken { id: text(&token["id"]), uuid: text(&token["uuid"]), value: text(value) }
    }

    pub(crate) async fn remove_organization(&self, token: &str, organization: &str, reason: Option<&str>) -> Reply {
        let input = json!({ "tokenId": token, "organizationId": organization, "reason": reason });
        self.graphql(REMOVE, json!({ "input": input })).await
    }

    pub(crate) async fn add_organization(&self, token: &str, organization: &str) -> Reply {
        self.graphql(ADD, json!({ "input": { "tokenId": token, "organizationId": organization } })).await
    }

    pub(crate) async fn revoke_token(&self, token: &str) -> Reply {
        self.graphql(REVOKE, json!({ "input": { "tokenId": token } })).await
    }

    /// Sends its credential to `/verify` with a query such as `scope=read_builds&organization=acme`.
    pub(crate) async fn verify(&self, query: &str) -> Reply {
        self.get(&format!("/verify?{query}")).await
    }
}

const CREATE: &str = "mutation($input: CreateTokenInput!) { createToken(input: $input) { value token { id uuid } } }";
const REMOVE: &str = "mutation($input: RemoveOrganizationFromTokenInput!) { removeOrganizationFromToken(input: $input) \
                      { grant { id status removalReason } organization { slug } } }";
const ADD: &str = "mutation($input: AddOrganizationToTokenInput!) { addOrganizationToToken(input: $input) \
                   { grant { id status } token { id organizations { slug } } } }";
const REVOKE: &str = "mutation($input: RevokeTokenInput!) { revokeToken(input: $input) { token { id status } } }";

impl Reply {
    /// Parses the body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// Returns the `data` of a GraphQL response.
    pub(crate) fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    /// Returns the code of the first error of a GraphQL response, or `OK`.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        if json.get("errors").is_none() {
            return "OK".into();
        }
        json["errors"][0]["extensions"]["code"].as_str().unwrap_or("an error without a code").to_owned()
    }

    /// Returns the field that the first error of a GraphQL response names.
    pub(crate) fn field(&self) -> Option<String> {
        self.json()["errors"][0]["extensions"]["field"].as_str().map(ToOwned::to_owned)
    }

    /// Returns a header, or an empty string if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header in ASCII"))
    }
}

/// Sends a request and reads the whole response.
pub(crate) async fn read(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("a response");
    let (status, headers) = (response.status(), response.headers().clone());
    Reply { status, headers, text: response.text().await.expect("a body") }
}

/// Sends a URL-encoded form.
pub(crate) async fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> Reply {
    let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    read(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

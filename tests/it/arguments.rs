//! Passes invalid text to every text argument of the schema, found by introspection.

use crate::world::{
    World,
    client::{Client, Reply, read},
    database::Database,
    schema::{Schema, arguments, base, is_required, name, written},
};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A part of every invalid text, which no response repeats.
const MARK: &str = "zqzq";
/// A placeholder for a lone surrogate, which no JSON text can contain, until the body is written.
const SURROGATE: &str = "SURROGATE";
const STATE: &str = "query($id: ID!) {
    token(id: $id) { description status expiresAt scopes { name } organizations { slug }
        grants { nodes { id status removalReason } } events { totalCount } }
    viewer { username name tokens(filter: { status: [ACTIVE, EXPIRED, REVOKED] }) { totalCount } }
    organization(slug: \"acme\") { name members { totalCount } auditEvents { totalCount } tokenGrants { totalCount } } }";

/// One text argument, and the values that a request of its field needs.
struct Place<'schema> {
    schema: &'schema Schema,
    of: &'schema str,
    field: &'schema Value,
    path: Vec<&'schema str>,
    kind: &'schema str,
    token: &'schema str,
    organization: &'schema str,
}

impl Place<'_> {
    fn name(&self) -> String {
        format!("{}.{}.{}", self.of, name(self.field), self.path.join("."))
    }

    fn document(&self) -> String {
        let typed = |argument: &Value| format!("${}: {}", name(argument), written(&argument["type"]));
        let given = |argument: &Value| format!("{0}: ${0}", name(argument));
        let all =
            |write: &dyn Fn(&Value) -> String| arguments(self.field).iter().map(write).collect::<Vec<_>>().join(", ");
        let count = if base(&self.field["type"]).ends_with("Connection") { "totalCount" } else { "__typename" };
        let selection = format!("result: {}({}) {{ {count} }}", name(self.field), all(&given));
        let (kind, inside) = match self.of {
            "Query" => ("query", selection),
            "Mutation" => ("mutation", selection),
            "User" => ("query", format!("viewer {{ {selection} }}")),
            "Organization" => ("query", format!("organization(slug: \"acme\") {{ {selection} }}")),
            "Token" => ("query", format!("token(id: \"{}\") {{ {selection} }}", self.token)),
            other => panic!("no path to a field of {other}"),
        };
        format!("{kind}({}) {{ {inside} }}", all(&typed))
    }

    /// Returns the arguments with this text in this place, and valid values for the required ones.
    fn variables(&self, text: &str) -> Value {
        Value::Object(self.fill(arguments(self.field), Some(&self.path), text))
    }

    fn fill(&self, arguments: &[Value], path: Option<&[&str]>, text: &str) -> Map<String, Value> {
        let mut filled = Map::new();
        for argument in arguments {
            let on = path.filter(|path| path.first() == Some(&name(argument))).map(|path| &path[1..]);
            if on.is_none() && !is_required(argument) {
                continue;
            }
            let of = base(&argument["type"]);
            let value = match (self.schema.kind(of), on) {
                ("INPUT_OBJECT", on) => Value::Object(self.fill(self.schema.inputs(of), on, text)),
                (_, Some(_)) => text.into(),
                (_, None) => self.valid(name(argument), of).into(),
            };
            let value = if written(&argument["type"]).starts_with('[') { json!([value]) } else { value };
            filled.insert(name(argument).to_owned(), value);
        }
        filled
    }

    /// Returns a valid value of an argument.
    fn valid(&self, argument: &str, kind: &str) -> String {
        let text = match (argument, kind) {
            ("id" | "tokenId", _) => self.token,
            ("organizationId" | "organizationIds", _) => self.organization,
            (_, "ID") => "user_01jd5x3k8hfq0v2m4n6p8r0s2t",
            (_, "DateTime") => "2031-01-01T00:00:00Z",
            ("scopes", _) => "read_user",
            ("slug", _) if self.of == "Mutation" => "hooli",
            ("slug", _) => "acme",
            ("user", _) => "bob",
            ("ipAddress", _) => "198.51.100.2",
            (_, "String") => "x",
            (_, other) => self.schema.first_value(other),
        };
        text.to_owned()
    }

    async fn request(&self, client: &Client<'_>, text: &str) -> Reply {
        let body = json!({ "query": self.document(), "variables": self.variables(text) });
        let body = body.to_string().replace(SURROGATE, "\\ud800");
        let request = client.request(Method::POST, "/graphql").header("content-type", "application/json");
        read(request.body(body)).await
    }

    /// Returns a valid text for this place.
    fn example(&self) -> String {
        self.valid(self.path.last().unwrap(), self.kind)
    }

    async fn succeeds(&self, client: &Client<'_>) {
        let reply = self.request(client, &self.example()).await;
        assert_eq!(reply.code(), "OK", "{}: {}", self.name(), reply.text);
    }

    /// Checks that a lookup finds nothing, and that any other argument rejects the text.
    fn check(&self, reply: &Reply, text: &str) {
        let about =
            format!("{} with {}: {}", self.name(), text.escape_unicode().take(48).collect::<String>(), reply.text);
        assert!(reply.status.as_u16() < 500, "{about}");
        assert!(!reply.text.contains(MARK), "{about}");
        if text.contains(SURROGATE) {
            assert_eq!((reply.status.as_u16(), &*reply.code()), (400, "INVALID_INPUT"), "{about}");
            return;
        }
        let result = reply.json()["data"]
            .pointer(match self.of {
                "User" => "/viewer/result",
                "Organization" => "/organization/result",
                "Token" => "/token/result",
                _ => "/result",
            })
            .cloned()
            .unwrap_or_default();
        let looked_up = self.kind == "ID" || self.path == ["slug"];
        if self.path.last() == Some(&"user") {
            // A username or an email address: rejected if it cannot be either, otherwise looked up.
            assert!(["INVALID_INPUT", "NOT_FOUND"].contains(&&*reply.code()) && result.is_null(), "{about}");
            return;
        }
        if self.path.last() == Some(&"newPassword") {
            // A password may contain any character, and this user, who uses an identity provider, has none to change.
            assert_eq!((&*reply.code(), result), ("FORBIDDEN", Value::Null), "{about}");
            return;
        }
        match (self.of, looked_up) {
            ("Mutation", true) => assert_eq!((&*reply.code(), result), ("NOT_FOUND", Value::Null), "{about}"),
            (_, true) => {
                assert_eq!(reply.code(), "OK", "{about}");
                assert!(result.is_null() || result == json!([null]) || result["totalCount"] == 0, "{about}");
            }
            (_, false) => {
                assert_eq!((&*reply.code(), result), ("INVALID_INPUT", Value::Null), "{about}");
                // An item of a list is named by its index.
                let (place, field) = (self.path.join("."), reply.field().unwrap_or_default());
                assert!(field == place || field == format!("{place}.0"), "{field}: {about}");
            }
        }
    }
}

/// Returns all text arguments.
fn arguments_of_schema<'schema>(
    schema: &'schema Schema,
    token: &'schema str,
    organization: &'schema str,
) -> Vec<Place<'schema>> {
    let mut arguments_of_schema = Vec::new();
    for of in schema.objects() {
        for field in schema.fields(of) {
            for (path, kind) in words(schema, arguments(field)) {
                arguments_of_schema.push(Place { schema, of, field, path, kind, token, organization });
            }
        }
    }
    arguments_of_schema
}

fn words<'schema>(schema: &'schema Schema, of: &'schema [Value]) -> Vec<(Vec<&'schema str>, &'schema str)> {
    let mut found = Vec::new();
    for argument in of {
        let kind = base(&argument["type"]);
        match (schema.kind(kind), kind) {
            ("INPUT_OBJECT", _) => {
                let below = words(schema, schema.inputs(kind)).into_iter();
                found.extend(below.map(|(path, kind)| ([vec![name(argument)], path].concat(), kind)));
            }
            (_, "Int" | "Boolean") => {}
            _ => found.push((vec![name(argument)], kind)),
        }
    }
    found
}

fn bad_texts(valid: &str) -> Vec<String> {
    let mut texts = vec![format!("{valid}{SURROGATE}{MARK}"), format!("{valid}{}", MARK.repeat(15 * 1024))];
    for ch in ['\0', '\n', '\u{1B}', '\u{202E}', '\u{2066}', '\u{200B}', '\u{200D}', '\u{FEFF}'] {
        texts.push(format!("{valid}{ch}{MARK}"));
        texts.push(format!("{ch}{valid}{MARK}{ch}"));
    }
    texts
}

both!(
    /// R-59
    async fn arguments_reject_invisible_and_unreadable_text(database: Database) {
        let world = World::with(database, &[("organizations.self_service", "true")]).await;
        let ada = world.admin("ada", &["acme", "globex"]).await;
        world.user("bob").await;
        let token = ada.create_token("deploy", &["acme"], &["read_user", "read_builds"]).await.id;
        let globex = world.organization_id("globex").await;
        let schema = Schema::of(&ada).await;
        let arguments_of_schema = arguments_of_schema(&schema, &token, &globex);
        let names: BTreeSet<_> = arguments_of_schema.iter().map(Place::name).collect();
        for known in [
            "Mutation.createToken.input.description",
            "Mutation.createToken.input.organizationIds",
            "Mutation.updateToken.input.description",
            "Mutation.removeOrganizationFromToken.input.reason",
            "Mutation.revokeToken.input.reason",
            "Organization.auditEvents.filter.actorId",
            "Organization.tokenGrants.filter.query",
            "Organization.tokenGrants.filter.createdAt.from",
            "Query.organization.slug",
            "Token.grants.organizationId",
            "User.tokens.after",
            "User.tokens.filter.token",
        ] {
            assert!(names.contains(known), "{known} is not among {names:?}");
        }
        let before = ada.query(STATE, json!({ "id": token })).await;
        for place in &arguments_of_schema {
            for text in bad_texts(&place.example()) {
                place.check(&place.request(&ada, &text).await, &text);
            }
        }
        assert_eq!(ada.query(STATE, json!({ "id": token })).await, before);
        assert_eq!(world.mailbox.sent().len(), 0);
        // Valid texts are accepted: the requests were rejected because of the text.
        let selection =
            arguments_of_schema.iter().filter(|place| !matches!(place.path.last(), Some(&("after" | "before"))));
        for place in selection.filter(|place| place.of != "Mutation") {
            place.succeeds(&ada).await;
        }
        for mutation in [
            "Mutation.createToken.input.description",
            "Mutation.updateToken.input.description",
            "Mutation.addOrganizationToToken.input.organizationId",
            "Mutation.removeOrganizationFromToken.input.reason",
            "Mutation.revokeToken.input.reason",
            "Mutation.createOrganization.input.slug",
            "Mutation.updateOrganization.input.name",
            "Mutation.addOrganizationMember.input.user",
        ] {
            arguments_of_schema.iter().find(|place| place.name() == mutation).unwrap().succeeds(&ada).await;
        }
    }
);

both!(
    /// R-46: repeated values in a list cost no more and do not lengthen the statement.
    async fn repeated_filter_values_count_once_and_lists_are_bounded(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        ada.create_token("deploy", &["acme"], &["read_user"]).await;
        let many = |one: &str| format!("{one} ").repeat(500);
        let (active, scope) = (many("ACTIVE"), many("\"read_user\""));
        for document in [
            format!("{{ viewer {{ tokens(filter: {{ status: [{active}] }}) {{ totalCount nodes {{ id }} }} }} }}"),
            format!("{{ viewer {{ tokens(filter: {{ scopes: [{scope}] }}) {{ totalCount nodes {{ id }} }} }} }}"),
            format!(
                "{{ viewer {{ tokens {{ nodes {{ grants(status: [{active}]) {{ totalCount nodes {{ id }} }} }} }} }} }}"
            ),
            format!(
                "{{ organization(slug: \"acme\") {{ tokenGrants(filter: {{ status: [{active}] }}) {{ totalCount }} }} }}"
            ),
            format!(
                "{{ organization(slug: \"acme\") {{ auditEvents(filter: {{ types: [{}] }}) {{ totalCount }} }} }}",
                many("TOKEN_CREATED")
            ),
        ] {
            let reply = ada.graphql(&document, json!({})).await;
            assert_eq!(reply.code(), "OK", "{} … {}", &document[..60], reply.text);
            assert!(reply.text.contains(r#""totalCount":1"#), "{}", reply.text);
            let one_more = document.replacen('[', "[ACTIVE ", 1);
            assert_eq!(ada.graphql(&one_more, json!({})).await.code(), "INVALID_INPUT");
        }
    }
);

both!(
    /// R-59: the document itself can contain any character as well.
    async fn literals_reject_invisible_characters(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let create = |text: &str| {
            format!(
                "mutation {{ createToken(input: {{ description: \"a{text}\", organizationIds: [\"{acme}\"], \
                 scopes: [\"read_user\"] }}) {{ token {{ id }} }} }}"
            )
        };
        for text in ["\0", "\u{202E}", "\u{200B}", "\\u0000", "\\u202e", "\\u200b", "\\ud800", "\\ud800\\ud800"] {
            let reply = ada.graphql(&create(text), json!({})).await;
            assert!(reply.status.as_u16() < 500, "{text:?}: {}", reply.text);
            assert_eq!(reply.code(), "INVALID_INPUT", "{text:?}: {}", reply.text);
            let document =
                format!("{{ organization(slug: \"acme{text}\") {{ id }} node(id: \"{acme}{text}\") {{ id }} }}");
            let reply = ada.graphql(&document, json!({})).await;
            assert!(reply.status.as_u16() < 500, "{text:?}: {}", reply.text);
            let nothing = reply.code() == "OK" && reply.data() == json!({ "organization": null, "node": null });
            assert!(nothing || reply.code() == "INVALID_INPUT", "{text:?}: {}", reply.text);
        }
        assert_eq!(ada.graphql(&create("b"), json!({})).await.code(), "OK");
        let tokens = ada.query("{ viewer { tokens { nodes { description } } } }", json!({})).await;
        assert_eq!(tokens["viewer"]["tokens"]["nodes"], json!([{ "description": "ab" }]));
    }
);

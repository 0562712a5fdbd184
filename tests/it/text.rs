//! Are texts that nobody should write refused everywhere, are two spellings of one word one, and is a value shown once?

use crate::world::{
    World,
    client::{Client, Reply, read},
};
use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, ServiceDocument, Type, TypeKind, TypeSystemDefinition},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};
use tokenward::http::{self, Said};

/// What a text argument answers to a text that nobody should write.
enum Answers {
    /// `INVALID_INPUT`, with this field.
    Refused(&'static str),
    /// The same as for an id that there is not.
    NotFound,
    /// Nothing is found, at this place of the data.
    Nothing(&'static str),
}
use Answers::{NotFound, Nothing, Refused};

const ARGUMENTS: [(&str, Answers); 22] = [
    ("query($text: String!) { organization(slug: $text) { id } }", Nothing("/organization")),
    ("query($text: ID!) { node(id: $text) { id } }", Nothing("/node")),
    ("query($text: ID!) { token(id: $text) { id } }", Nothing("/token")),
    (
        "query($text: String!) { organization(slug: \"acme\") { tokenGrants(filter: {query: $text}) { totalCount } } }",
        Refused("filter.query"),
    ),
    (
        "query($text: String!) { organization(slug: \"acme\") { tokenGrants(filter: {owner: $text}) { totalCount } } }",
        Refused("filter.owner"),
    ),
    (
        "query($text: String!) { organization(slug: \"acme\") { tokenGrants(filter: {token: $text}) { totalCount } } }",
        Refused("filter.token"),
    ),
    (
        "query($text: String!) { organization(slug: \"acme\") { tokenGrants(filter: {scopes: [$text]}) { totalCount } } }",
        Refused("filter.scopes.0"),
    ),
    (
        "query($text: String!) { organization(slug: \"acme\") { tokenGrants(filter: {ipAddress: $text}) { totalCount } } }",
        Refused("filter.ipAddress"),
    ),
    ("query($text: String!) { viewer { tokens(filter: {query: $text}) { totalCount } } }", Refused("filter.query")),
    ("query($text: String!) { viewer { tokens(after: $text) { totalCount } } }", Refused("after")),
    ("query($text: String!) { viewer { organizations(before: $text) { totalCount } } }", Refused("before")),
    (
        "query($text: ID!) { organization(slug: \"acme\") { tokenGrant(tokenId: $text) { id } } }",
        Nothing("/organization/tokenGrant"),
    ),
    (
        "query($text: ID!) { organization(slug: \"acme\") { auditEvents(filter: {tokenId: $text}) { nodes { id } } } }",
        Nothing("/organization/auditEvents/nodes"),
    ),
    (
        "query($text: ID!) { organization(slug: \"acme\") { auditEvents(filter: {actorId: $text}) { nodes { id } } } }",
        Nothing("/organization/auditEvents/nodes"),
    ),
    (
        "query($text: ID!) { token(id: \"TOKEN\") { grants(organizationId: $text) { nodes { id } } } }",
        Nothing("/token/grants/nodes"),
    ),
    (
        "mutation($text: String!) { createToken(input: {description: $text, organizationIds: [\"ORG\"], scopes: [\"graphql\"]}) { value } }",
        Refused("input.description"),
    ),
    (
        "mutation($text: String!) { createToken(input: {description: \"x\", organizationIds: [\"ORG\"], scopes: [$text]}) { value } }",
        Refused("input.scopes.0"),
    ),
    (
        "mutation($text: ID!) { createToken(input: {description: \"x\", organizationIds: [$text], scopes: [\"graphql\"]}) { value } }",
        NotFound,
    ),
    (
        "mutation($text: String!) { updateToken(input: {tokenId: \"TOKEN\", description: $text}) { token { id } } }",
        Refused("input.description"),
    ),
    (
        "mutation($text: String!) { removeOrganizationFromToken(input: {tokenId: \"TOKEN\", organizationId: \"ORG\", reason: $text}) { grant { id } } }",
        Refused("input.reason"),
    ),
    (
        "mutation($text: String!) { revokeToken(input: {tokenId: \"TOKEN\", reason: $text}) { token { id } } }",
        Refused("input.reason"),
    ),
    (
        "mutation($text: ID!) { addOrganizationToToken(input: {tokenId: $text, organizationId: \"ORG\"}) { token { id } } }",
        NotFound,
    ),
];

both!(
    /// R-59
    async fn a_text_with_hidden_characters_or_without_end_is_refused_by_every_argument(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let token = ada.creates_token("deploy", &["acme"], &["graphql"]).await;
        let organization = world.organization_id("acme").await;
        let long = "x".repeat(60 * 1024);
        let events = "{ organization(slug: \"acme\") { auditEvents { totalCount } } }";
        let before = ada.ask(events, json!({})).await;
        for (document, answers) in &ARGUMENTS {
            let document = document.replace("TOKEN", &token.id).replace("ORG", &organization);
            for text in ["a\0b", "\0", "a\u{202e}b", "a\u{2066}b", "a\u{200b}b", "\u{feff}", "a\nb\u{1b}[2J", &long] {
                let reply = ada.graphql(&document, json!({ "text": text })).await;
                let about =
                    || format!("{document} with {:?}: {:.300}", text.chars().take(20).collect::<String>(), reply.text);
                assert_eq!(reply.status, 200, "{}", about());
                match answers {
                    Refused(field) => {
                        assert_eq!(
                            (&*reply.code(), reply.field().as_deref()),
                            ("INVALID_INPUT", Some(*field)),
                            "{}",
                            about()
                        );
                    }
                    NotFound => assert_eq!(reply.code(), "NOT_FOUND", "{}", about()),
                    Nothing(place) => {
                        assert_eq!(reply.code(), "OK", "{}", about());
                        let found = reply.data().pointer(place).cloned().unwrap();
                        assert!(found.is_null() || found == json!([]), "{}", about());
                    }
                }
            }
        }
        assert_eq!(ada.ask(events, json!({})).await, before, "something was changed all the same");
    }
);

/// Sends a body as it stands.
async fn raw(who: &Client<'_>, body: &str) -> Reply {
    read(who.request(Method::POST, "/graphql").header("content-type", "application/json").body(body.to_owned())).await
}

both!(
    /// R-59
    async fn half_of_a_surrogate_pair_is_refused_and_the_service_lives(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let query = r#""query": "query($text: String!) { organization(slug: $text) { id } }""#;
        for half in [r"\ud800", r"a\udfffb", r"\udc00\ud800"] {
            let in_variables = raw(&ada, &format!(r#"{{ {query}, "variables": {{ "text": "{half}" }} }}"#)).await;
            assert_eq!((in_variables.status.as_u16(), &*in_variables.code()), (400, "INVALID_INPUT"), "{half}");
            let in_query = raw(&ada, &format!(r#"{{ "query": "{{ viewer {half} }}" }}"#)).await;
            assert_eq!((in_query.status.as_u16(), &*in_query.code()), (400, "INVALID_INPUT"), "{half}");
            let escaped = half.replace('\\', "\\\\");
            let in_text =
                raw(&ada, &format!(r#"{{ "query": "{{ organization(slug: \"{escaped}\") {{ id }} }}" }}"#)).await;
            assert_eq!((in_text.status.as_u16(), &*in_text.code()), (200, "INVALID_INPUT"), "{half}: {}", in_text.text);
        }
        let whole = raw(&ada, r#"{ "query": "{ organization(slug: \"\\u0061cme\") { slug } }" }"#).await;
        assert_eq!(whole.data()["organization"]["slug"], "acme", "{}", whole.text);
    }
);

both!(
    /// R-61
    async fn a_word_composed_and_decomposed_is_kept_and_found_alike(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let (composed, decomposed) = ("Caf\u{e9} \u{1e69}", "Cafe\u{301} s\u{323}\u{307}");
        for description in [composed, decomposed] {
            ada.creates_token(description, &["acme"], &["read_user"]).await;
        }
        let ask = "query($text: String!) { organization(slug: \"acme\") { tokenGrants(filter: {query: $text}) { nodes { token { description } } } } }";
        let both = json!([{ "token": { "description": composed } }, { "token": { "description": composed } }]);
        for text in ["caf\u{e9}", "CAFE\u{301}", "s\u{307}\u{323}", "\u{1e69}", "\u{1e68}"] {
            let found = ada.ask(ask, json!({ "text": text })).await;
            assert_eq!(found["organization"]["tokenGrants"]["nodes"], both, "{text}");
        }
        assert_eq!(ada.ask(ask, json!({ "text": "cafe" })).await["organization"]["tokenGrants"]["nodes"], json!([]));
    }
);

/// Somebody of whom the identity provider says this.
fn said<'world>(world: &'world World, subject: &str, username: &str, name: &str) -> Client<'world> {
    let email = format!("{subject}@example.test");
    let said = Said { subject, username, name, email: &email };
    let config = world.config.jwt.as_ref().unwrap();
    world.holder_of(&http::sign(config, &said, world.now(), Duration::from_hours(1)).unwrap())
}

const COMPOSED: &str = "Am\u{e9}lie";
const DECOMPOSED: &str = "Ame\u{301}lie";

const FOUND: &str = "query($filter: TokenFilter) { organization(slug: \"acme\") {
    tokenGrants(filter: $filter) { nodes { token { description owner { name } } } } } }";

both!(
    /// R-61
    async fn a_name_composed_and_decomposed_is_kept_and_found_alike(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for (username, name) in [("bob", COMPOSED), ("cyd", DECOMPOSED)] {
            world.member(username, &["acme"]).await;
            let named = said(&world, username, username, name);
            assert_eq!(named.ask("{ viewer { name } }", json!({})).await["viewer"]["name"], COMPOSED);
            named.creates_token(&format!("for {name}"), &["acme"], &["read_user"]).await;
        }
        let found = async |filter: Value| {
            let found = ada.ask(FOUND, json!({ "filter": filter })).await;
            found["organization"]["tokenGrants"]["nodes"].clone()
        };
        let row = json!({ "token": { "description": format!("for {COMPOSED}"), "owner": { "name": COMPOSED } } });
        let both = json!([row, row]);
        for sought in [COMPOSED, DECOMPOSED, "AM\u{c9}LIE", "AME\u{301}LIE", "e\u{301}L", "m\u{e9}"] {
            let about = sought.escape_unicode();
            assert_eq!(found(json!({ "owner": sought })).await, both, "{about}");
            assert_eq!(found(json!({ "query": sought })).await, both, "{about}");
        }
        for sought in [COMPOSED, DECOMPOSED] {
            assert_eq!(found(json!({ "query": format!("\"for {sought}\"") })).await, both);
        }
        assert_eq!(found(json!({ "owner": "Amelie" })).await, json!([]));
    }
);

both!(
    /// R-61
    async fn a_change_to_the_other_form_is_none_and_reasons_are_composed(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.creates_token(COMPOSED, &["acme"], &["read_user"]).await;
        let update = "mutation($input: UpdateTokenInput!) { updateToken(input: $input) { token { description events { totalCount } } } }";
        let updated = bob.ask(update, json!({ "input": { "tokenId": token.id, "description": DECOMPOSED } })).await;
        assert_eq!(updated["updateToken"]["token"], json!({ "description": COMPOSED, "events": { "totalCount": 1 } }));
        let acme = world.organization_id("acme").await;
        let removed = bob.removes_organization(&token.id, &acme, Some(DECOMPOSED)).await;
        assert_eq!(removed.data()["removeOrganizationFromToken"]["grant"]["removalReason"], COMPOSED);
    }
);

both!(
    /// R-61: nobody comes to be called what looks like somebody else; the command line refuses such names.
    async fn a_foreign_or_large_letter_makes_no_second_name_that_looks_the_same(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let mut names = BTreeSet::from(["ada".to_owned()]);
        for (subject, username) in
            [("1", "\u{430}da"), ("2", "Ada"), ("3", "ad\u{430}"), ("4", "ADA"), ("5", "a\u{301}da")]
        {
            let viewer = said(&world, subject, username, "Ada").ask("{ viewer { username } }", json!({})).await;
            let given = viewer["viewer"]["username"].as_str().unwrap().to_owned();
            let plain = |letter| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '_' | '.');
            assert!(given.chars().all(plain), "{given}");
            assert!(names.insert(given.clone()), "{given} is there twice");
        }
        let lookup = "query($slug: String!) { organization(slug: $slug) { id } }";
        for slug in ["Acme", "ACME", "\u{430}cme", "acme "] {
            assert_eq!(ada.ask(lookup, json!({ "slug": slug })).await["organization"], Value::Null, "{slug}");
        }
    }
);

/// The types of the schema with their fields; the types of an interface stand below it.
struct Types(BTreeMap<String, Vec<FieldDefinition>>);

impl Types {
    fn read() -> Self {
        let ServiceDocument { definitions } = parse_schema(tokenward::graphql::sdl()).unwrap();
        let types = definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(one) => match one.node.kind {
                TypeKind::Object(object) => {
                    let fields = object.fields.into_iter().map(|field| field.node).collect();
                    Some((one.node.name.node.to_string(), fields))
                }
                _ => None,
            },
            _ => None,
        });
        Self(types.collect())
    }

    /// The fields of a type that hold no others and need no arguments.
    fn plain(&self, name: &str) -> Vec<String> {
        let fields = self.0[name].iter().filter(|field| !self.0.contains_key(&base(&field.ty.node)));
        fields.filter(|field| field.arguments.is_empty()).map(|field| field.name.node.to_string()).collect()
    }

    /// For every type that a query reaches, the query that asks for all its plain fields by the shortest way.
    fn queries(&self, arguments: &BTreeMap<&str, String>) -> BTreeMap<String, String> {
        let mut queries = BTreeMap::new();
        let mut left = VecDeque::from([("Query".to_owned(), Vec::<String>::new())]);
        while let Some((name, way)) = left.pop_front() {
            if queries.contains_key(&name) {
                continue;
            }
            let plain = self.plain(&name).join(" ");
            let inside = if plain.is_empty() { "__typename".to_owned() } else { plain };
            let query = way.iter().rev().fold(inside, |inside, step| format!("{step} {{ {inside} }}"));
            queries.insert(name.clone(), format!("{{ {query} }}"));
            for field in &self.0[&name] {
                let below = base(&field.ty.node);
                let given = field.arguments.iter().filter_map(|argument| {
                    let name = argument.node.name.node.as_str();
                    arguments.get(name).map(|value| format!("{name}: {value}"))
                });
                let given: Vec<_> = given.collect();
                let given = if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) };
                if self.0.contains_key(&below) {
                    let step = format!("{}{given}", field.name.node);
                    left.push_back((below, way.iter().cloned().chain([step]).collect()));
                }
            }
        }
        queries
    }
}

fn base(of: &Type) -> String {
    match &of.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(of) => base(of),
    }
}

both!(
    /// R-06
    async fn a_value_is_in_the_answer_that_makes_it_and_in_no_other(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let organization = world.organization_id("acme").await;
        let create = "mutation($input: CreateTokenInput!) { createToken(input: $input) { value token { id hint } } }";
        let input =
            json!({ "description": "x", "organizationIds": [organization], "scopes": ["graphql", "read_user"] });
        let made = ada.graphql(create, json!({ "input": input })).await;
        assert_eq!(made.header("cache-control"), "no-store");
        let data = made.data();
        let text = |place: &str| data.pointer(place).and_then(Value::as_str).unwrap().to_owned();
        let (value, id) = (text("/createToken/value"), text("/createToken/token/id"));
        assert_eq!(made.text.matches(&value).count(), 1);
        assert!(!made.text.replace(&value, "").contains(&value[8..20]));
        world.holder_of(&value).verify("organization=acme").await;
        world.flush().await;
        assert_eq!(ada.removes_organization(&id, &organization, Some("x")).await.code(), "OK");
        assert_eq!(ada.adds_organization(&id, &organization).await.code(), "OK");

        let arguments = BTreeMap::from([
            ("id", format!("\"{id}\"")),
            ("ids", format!("[\"{id}\"]")),
            ("tokenId", format!("\"{id}\"")),
            ("slug", "\"acme\"".to_owned()),
            ("first", "3".to_owned()),
        ]);
        let (types, holder) = (Types::read(), world.holder_of(&value));
        let queries = types.queries(&arguments);
        let payload = |name: &&String| name.ends_with("Payload") || *name == "Mutation";
        let missed: Vec<_> =
            types.0.keys().filter(|name| !queries.contains_key(*name)).filter(|name| !payload(name)).collect();
        assert_eq!(missed, [""; 0], "no query reaches these");
        for (name, query) in &queries {
            for who in [&ada, &holder] {
                let reply = who.graphql(query, json!({})).await;
                assert_eq!(reply.code(), "OK", "{name}: {query}: {}", reply.text);
                // What is more than the hint tells: any eight characters of the middle.
                let middle = &value.as_bytes()[8..38];
                let part = middle.windows(8).find(|part| reply.text.contains(std::str::from_utf8(part).unwrap()));
                assert_eq!(part, None, "{name}: {query}");
            }
        }
        for path in ["/v2/access-token", "/verify"] {
            let reply = holder.get(path).await;
            assert!(!format!("{}{:?}", reply.text, reply.headers).contains(&value[8..20]), "{path}");
        }
    }
);

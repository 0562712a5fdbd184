//! Checks that equivalent spellings are one text, that similar-looking usernames are not possible, and that lone surrogates are
//! rejected. Invalid texts for every argument are tested in `arguments`.

use crate::world::{
    World,
    client::{Client, Reply, read},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokenward::testing::http::{self, UserClaims};

/// Sends a body verbatim.
async fn raw(client: &Client<'_>, body: &str) -> Reply {
    read(client.request(Method::POST, "/graphql").header("content-type", "application/json").body(body.to_owned()))
        .await
}

both!(
    /// R-59
    async fn lone_surrogate_is_rejected(world: World) {
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
    async fn descriptions_are_normalized_when_stored_and_searched(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let (composed, decomposed) = ("Caf\u{e9} \u{1e69}", "Cafe\u{301} s\u{323}\u{307}");
        for description in [composed, decomposed] {
            ada.create_token(description, &["acme"], &["read_user"]).await;
        }
        let query = "query($text: String!) { organization(slug: \"acme\") { tokenGrants(filter: {query: $text}) { nodes { token { description } } } } }";
        let both = json!([{ "token": { "description": composed } }, { "token": { "description": composed } }]);
        for text in ["caf\u{e9}", "CAFE\u{301}", "s\u{307}\u{323}", "\u{1e69}", "\u{1e68}"] {
            let found = ada.query(query, json!({ "text": text })).await;
            assert_eq!(found["organization"]["tokenGrants"]["nodes"], both, "{text}");
        }
        assert_eq!(
            ada.query(query, json!({ "text": "cafe" })).await["organization"]["tokenGrants"]["nodes"],
            json!([])
        );
    }
);

/// Returns a client with a JWT that contains these claims.
fn client_named<'world>(world: &'world World, subject: &str, username: &str, name: &str) -> Client<'world> {
    let email = format!("{subject}@example.test");
    let claims = UserClaims { subject, username, name, email: &email };
    let config = world.config.jwt.as_ref().unwrap();
    world.bearer(&http::sign(config, &claims, world.now(), Duration::from_hours(1)).unwrap())
}

const COMPOSED: &str = "Am\u{e9}lie";
const DECOMPOSED: &str = "Ame\u{301}lie";

const FOUND: &str = "query($filter: TokenFilter) { organization(slug: \"acme\") {
    tokenGrants(filter: $filter) { nodes { token { description owner { name } } } } } }";

both!(
    /// R-61
    async fn names_are_normalized_when_stored_and_searched(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for (username, name) in [("bob", COMPOSED), ("cyd", DECOMPOSED)] {
            world.member(username, &["acme"]).await;
            let named = client_named(&world, username, username, name);
            assert_eq!(named.query("{ viewer { name } }", json!({})).await["viewer"]["name"], COMPOSED);
            named.create_token(&format!("for {name}"), &["acme"], &["read_user"]).await;
        }
        let found = async |filter: Value| {
            let found = ada.query(FOUND, json!({ "filter": filter })).await;
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
    async fn change_to_an_equivalent_spelling_is_no_change(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token(COMPOSED, &["acme"], &["read_user"]).await;
        let update = "mutation($input: UpdateTokenInput!) { updateToken(input: $input) { token { description events { totalCount } } } }";
        let updated = bob.query(update, json!({ "input": { "tokenId": token.id, "description": DECOMPOSED } })).await;
        assert_eq!(updated["updateToken"]["token"], json!({ "description": COMPOSED, "events": { "totalCount": 1 } }));
        let acme = world.organization_id("acme").await;
        let removed = bob.remove_organization(&token.id, &acme, Some(DECOMPOSED)).await;
        assert_eq!(removed.data()["removeOrganizationFromToken"]["grant"]["removalReason"], COMPOSED);
    }
);

both!(
    /// R-61: usernames that only look like those of other users are replaced; the command line rejects them.
    async fn similar_looking_usernames_are_not_created(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let mut names = BTreeSet::from(["ada".to_owned()]);
        for (subject, username) in
            [("1", "\u{430}da"), ("2", "Ada"), ("3", "ad\u{430}"), ("4", "ADA"), ("5", "a\u{301}da")]
        {
            let viewer =
                client_named(&world, subject, username, "Ada").query("{ viewer { username } }", json!({})).await;
            let given = viewer["viewer"]["username"].as_str().unwrap().to_owned();
            let plain = |ch| matches!(ch, 'a'..='z' | '0'..='9' | '-' | '_' | '.');
            assert!(given.chars().all(plain), "{given}");
            assert!(names.insert(given.clone()), "{given} exists twice");
        }
        let lookup = "query($slug: String!) { organization(slug: $slug) { id } }";
        for slug in ["Acme", "ACME", "\u{430}cme", "acme "] {
            assert_eq!(ada.query(lookup, json!({ "slug": slug })).await["organization"], Value::Null, "{slug}");
        }
    }
);

both!(
    /// R-59
    async fn texts_without_visible_characters_are_rejected(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let token = ada.create_token("\u{2764}\u{FE0F} builds", &["acme"], &["read_user"]).await;
        let seen = ada.query("query($id: ID!) { token(id: $id) { description } }", json!({ "id": token.id })).await;
        assert_eq!(seen["token"]["description"], "\u{2764} builds");
        for text in ["\u{2800}", "\u{13441} \u{1D159}", "a\u{E0041}", "\u{115F}"] {
            for (mutation, input) in [
                ("createToken", json!({ "description": text, "organizationIds": [acme], "scopes": ["read_user"] })),
                ("updateToken", json!({ "tokenId": token.id, "description": text })),
                ("updateOrganization", json!({ "organizationId": acme, "name": text })),
                ("updateProfile", json!({ "name": text })),
                ("removeOrganizationFromToken", json!({ "tokenId": token.id, "organizationId": acme, "reason": text })),
                ("revokeToken", json!({ "tokenId": token.id, "reason": text })),
            ] {
                let reply = ada.mutate(mutation, input).await;
                assert_eq!(reply.code(), "INVALID_INPUT", "{mutation} {}: {}", text.escape_unicode(), reply.text);
            }
            // A JWT with such a name is accepted without the name.
            let named = client_named(&world, "5", "eve", text);
            assert_eq!(named.query("{ viewer { name } }", json!({})).await["viewer"]["name"], "eve");
        }
        for dots in [".", ".."] {
            let named = client_named(&world, &format!("subject {dots}"), dots, "Dot");
            let viewer = named.query("{ viewer { username } }", json!({})).await;
            assert_eq!(viewer["viewer"]["username"], format!("subject-{dots}"));
        }
    }
);

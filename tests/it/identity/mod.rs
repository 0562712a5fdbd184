//! JWT authentication: keys of an identity provider, their rotation, and forged JWTs.

mod provider;

use crate::{
    program::Program,
    world::{
        World,
        client::{Reply, read},
        database::Database,
        port,
    },
};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey};
use provider::{EC, ED, OTHER_EC, OTHER_ED, OTHER_RSA, Pair, Provider, RSA, WEAK_RSA, claims, set, signed, unsigned};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokenward::testing::{
    actions::{AddUser, DisableUser},
    store::{Identity, NewUser},
};
use tokio::{io::AsyncWriteExt, net::TcpListener};

const ALL: &str = "RS256,ES256,EdDSA";
const MINUTE: Duration = Duration::from_mins(1);

/// Starts a service that trusts the keys of a provider.
async fn trusting(database: Database, provider: &Provider, algorithms: &str) -> World {
    World::with(database, &[("auth.jwt.jwks_url", &provider.url()), ("auth.jwt.algorithms", algorithms)]).await
}

async fn viewer(world: &World, jwt: &str) -> Reply {
    world.bearer(jwt).graphql("{ viewer { username } }", json!({})).await
}

/// Returns the status of a request with a JWT, and asserts that all rejections are equal.
async fn status(world: &World, jwt: &str) -> u16 {
    let reply = viewer(world, jwt).await;
    match reply.status.as_u16() {
        200 => assert_eq!(reply.data()["viewer"]["username"], "bob", "{}", reply.text),
        401 => {
            assert_eq!(reply.code(), "UNAUTHENTICATED");
            assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"tokenward\", error=\"invalid_token\"");
        }
        503 => {
            assert_eq!((reply.code().as_str(), reply.header("retry-after")), ("UNAVAILABLE", "1"));
        }
        _ => {}
    }
    reply.status.as_u16()
}

/// Signs a JWT with the secret of the tests.
fn by_secret(world: &World, claims: &Value) -> String {
    let secret = world.config.jwt.as_ref().unwrap().secret().unwrap().reveal();
    let key = EncodingKey::from_secret(secret.as_bytes());
    signed(&json!({ "alg": "HS256" }), claims, &key, Algorithm::HS256)
}

/// Returns whether a listener gets no connection for 300 ms.
async fn has_no_connection(listener: &TcpListener) -> bool {
    tokio::time::timeout(Duration::from_millis(300), listener.accept()).await.is_err()
}

both!(
    async fn jwt_signed_by_a_key_of_the_set_is_accepted(database: Database) {
        let provider = Provider::with(&[RSA, EC, ED]).await;
        let world = trusting(database, &provider, ALL).await;
        for pair in [RSA, EC, ED] {
            let mut nameless = pair.header();
            nameless.as_object_mut().unwrap().remove("kid");
            assert_eq!(status(&world, &pair.jwt(&world)).await, 200, "{}", pair.id);
            // The ID can be omitted, since the key is the only one for its algorithm.
            assert_eq!(status(&world, &pair.sign(&nameless, &claims(&world))).await, 200, "{}", pair.id);
        }
        assert_eq!(provider.requests(), 1);
    }
);

both!(
    async fn key_file_is_reloaded_while_the_service_runs(database: Database) {
        let file = database.folder().join("jwks.json");
        std::fs::write(&file, set(&[RSA, EC, OTHER_ED])).unwrap();
        let settings = [("auth.jwt.jwks_file", file.to_str().unwrap()), ("auth.jwt.algorithms", ALL)];
        let world = World::with(database, &settings).await;
        for (pair, expected) in [(RSA, 200), (EC, 200), (OTHER_ED, 200), (ED, 401)] {
            assert_eq!(status(&world, &pair.jwt(&world)).await, expected, "{}", pair.id);
        }
        std::fs::write(&file, set(&[ED])).unwrap();
        world.advance(Duration::from_secs(5));
        assert_eq!((status(&world, &ED.jwt(&world)).await, status(&world, &RSA.jwt(&world)).await), (200, 401));
        // A partially written file does not change the keys.
        std::fs::write(&file, &set(&[RSA])[..40]).unwrap();
        world.advance(Duration::from_secs(5));
        assert_eq!((status(&world, &ED.jwt(&world)).await, status(&world, &RSA.jwt(&world)).await), (200, 401));
    }
);

both!(
    async fn service_refuses_to_start_with_an_invalid_key_file(database: Database) {
        let file = database.folder().join("jwks.json");
        std::fs::write(&file, set(&[RSA])).unwrap();
        let settings = [("auth.jwt.jwks_file", file.to_str().unwrap()), ("auth.jwt.algorithms", "RS256")];
        let world = World::with(database, &settings).await;
        for bad in [set(&[WEAK_RSA]), set(&[EC]), "{".into()] {
            std::fs::write(&file, &bad).unwrap();
            let error =
                tokenward::testing::http::service(&world.app, &world.config).expect_err("it starts").to_string();
            assert!(error.contains(file.to_str().unwrap()) && error.contains("auth.jwt.jwks_file"), "{error}");
        }
    }
);

both!(
    ///
    async fn missing_algorithm_or_signature_is_401_from_every_endpoint(world: World) {
        let mut header = json!({ "typ": "JWT" });
        for none in ["none", "None", "NONE", "nOnE", "nonE"] {
            header["alg"] = json!(none);
            let head = unsigned(&header, &claims(&world));
            let signature = world.jwt("bob").rsplit_once('.').unwrap().1.to_owned();
            for jwt in [format!("{head}."), format!("{head}.{signature}"), head] {
                assert_eq!(status(&world, &jwt).await, 401, "{none}");
                for endpoint in ["/v2/access-token", "/verify"] {
                    assert_eq!(world.bearer(&jwt).get(endpoint).await.status, 401, "{none} at {endpoint}");
                }
            }
        }
    }
);

both!(
    ///
    async fn public_key_is_no_secret_and_a_key_is_bound_to_its_algorithm(database: Database) {
        let provider = Provider::with(&[RSA, EC, ED]).await;
        let world = trusting(database, &provider, ALL).await;
        let claims = claims(&world);
        let pairs = [RSA, EC, ED];
        for (pair, text) in pairs.iter().flat_map(|pair| public_forms(pair).into_iter().map(move |it| (pair, it))) {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let header = json!({ "alg": algorithm, "typ": "JWT", "kid": pair.id });
                let jwt = signed(&header, &claims, &EncodingKey::from_secret(&text), algorithm);
                assert_eq!(status(&world, &jwt).await, 401, "{algorithm:?} with {}", pair.id);
            }
        }
        for named in pairs {
            for signer in [RSA, EC, ED, OTHER_RSA, OTHER_EC, OTHER_ED] {
                for alg in pairs.map(|pair| pair.algorithm) {
                    let header = json!({ "alg": alg, "typ": "JWT", "kid": named.id });
                    let expected = if named.id == signer.id && alg == named.algorithm { 200 } else { 401 };
                    let jwt = signer.sign(&header, &claims);
                    assert_eq!(
                        status(&world, &jwt).await,
                        expected,
                        "{alg:?}, {} named, {} signs",
                        named.id,
                        signer.id
                    );
                }
            }
        }
        // Algorithms that are not configured, with the key that the JWT names.
        for more in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
            let header = json!({ "alg": more, "typ": "JWT", "kid": RSA.id });
            assert_eq!(status(&world, &signed(&header, &claims, &RSA.private(), more)).await, 401, "{more:?}");
        }
        assert_eq!(provider.requests(), 1);
    }
);

/// Returns a public key in the forms that an attacker might use as a secret.
fn public_forms(pair: &Pair) -> Vec<Vec<u8>> {
    let public = pair.public();
    let mut forms = vec![public.to_string().into_bytes(), set(&[*pair]).into_bytes(), Vec::new()];
    forms.extend(["n", "x"].iter().filter_map(|name| public[*name].as_str()).map(|text| text.as_bytes().to_vec()));
    if pair.id == RSA.id {
        forms.push(include_bytes!("keys/rsa_public.pem").to_vec());
    }
    forms
}

both!(
    async fn unconfigured_algorithm_is_rejected(database: Database) {
        let provider = Provider::with(&[RSA, EC, ED, WEAK_RSA]).await;
        let world = trusting(database, &provider, "ES256,RS256").await;
        for (pair, expected) in [(EC, 200), (RSA, 200), (ED, 401), (WEAK_RSA, 401)] {
            assert_eq!(status(&world, &pair.jwt(&world)).await, expected, "{}", pair.id);
        }
    }
);

both!(
    ///
    async fn jwt_cannot_choose_its_key_or_cause_a_fetch(database: Database) {
        let provider = Provider::with(&[RSA]).await;
        let world = trusting(database, &provider, "RS256").await;
        assert_eq!(status(&world, &RSA.jwt(&world)).await, 200);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let evil = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        for (name, value) in [
            ("jku", json!(evil)),
            ("jku", json!(provider.url())),
            ("x5u", json!(evil)),
            ("jwk", OTHER_RSA.public()),
            ("jwk", RSA.public()),
            ("x5c", json!(["MIIB"])),
            ("crit", json!(["exp"])),
            ("crit", json!(["b64"])),
            ("crit", json!([])),
            ("b64", json!(false)),
            ("b64", json!(true)),
            ("typ", json!("JWE")),
            ("kid", json!("../../../../etc/passwd")),
            ("kid", json!("/dev/null")),
            ("kid", json!("' OR '1'='1")),
            ("kid", json!("rsa'; DROP TABLE user; --")),
            ("kid", json!(evil)),
            ("kid", json!("")),
            ("kid", json!(["rsa"])),
        ] {
            // The header is rejected whether the key is trusted or not.
            for signer in [RSA, OTHER_RSA] {
                let mut header = RSA.header();
                header[name] = value.clone();
                let jwt = signer.sign(&header, &claims(&world));
                assert_eq!(status(&world, &jwt).await, 401, "{name}: {value}");
            }
        }
        assert!(has_no_connection(&listener).await);
        assert_eq!(provider.requests(), 1);
        assert_eq!(status(&world, &RSA.jwt(&world)).await, 200);
    }
);

both!(
    ///
    async fn jwt_is_valid_for_its_audience_and_lifetime_only(database: Database) {
        let provider = Provider::with(&[ED]).await;
        let world = trusting(database, &provider, "EdDSA").await;
        for typ in [json!("at+jwt"), json!("application/AT+JWT"), json!("jwt")] {
            let mut header = ED.header();
            header["typ"] = typ;
            assert_eq!(status(&world, &ED.sign(&header, &claims(&world))).await, 200, "{header}");
        }
        for typ in [json!("logout+jwt"), json!("JWE"), json!("dpop+jwt"), json!(""), json!(1)] {
            let mut header = ED.header();
            header["typ"] = typ;
            assert_eq!(status(&world, &ED.sign(&header, &claims(&world))).await, 401, "{header}");
        }
        for (name, value) in
            [("iss", json!("https://evil.example")), ("iss", json!([crate::world::ISSUER])), ("aud", json!("other"))]
        {
            let mut claims = claims(&world);
            claims[name] = value;
            assert_eq!(status(&world, &ED.sign(&ED.header(), &claims)).await, 401, "{claims}");
        }
        for missing in ["iss", "aud", "sub", "iat", "exp"] {
            let mut claims = claims(&world);
            claims.as_object_mut().unwrap().remove(missing);
            assert_eq!(status(&world, &ED.sign(&ED.header(), &claims)).await, 401, "{missing}");
        }
        // Seconds from now, which is read again for each case, since a busy machine may be slow.
        for (name, ahead, expected) in [
            ("exp", -50, 200),
            ("exp", -61, 401),
            ("iat", 58, 200),
            ("iat", 75, 401),
            ("nbf", 58, 200),
            ("nbf", 75, 401),
            // A lifetime of a day, and of a day and a second.
            ("exp", 24 * 3600 - 100, 200),
            ("exp", 24 * 3600 - 99, 401),
        ] {
            let mut claims = claims(&world);
            let now = world.now().seconds();
            claims["iat"] = json!(now - 100);
            claims[name] = json!(now + ahead);
            assert_eq!(status(&world, &ED.sign(&ED.header(), &claims)).await, expected, "{name} {ahead} s from now");
        }
    }
);

both!(
    ///
    async fn fractional_times_and_malformed_optional_claims_are_accepted(world: World) {
        let now = world.now().seconds();
        let fraction = |seconds: i64, part: &str| serde_json::from_str(&format!("{seconds}.{part}")).unwrap();
        let good = claims(&world);
        for (name, value) in [
            ("iat", fraction(now - 10, "75")),
            ("exp", fraction(now + 100, "5")),
            ("nbf", fraction(now, "000001")),
            ("nbf", json!(null)),
            ("preferred_username", json!(["bob"])),
            ("name", json!({ "given": "Bob" })),
            ("name", json!(null)),
            ("email", json!(17)),
            ("email_verified", json!("true")),
        ] {
            let mut claims = good.clone();
            claims[name] = value;
            let reply = viewer(&world, &by_secret(&world, &claims)).await;
            assert_eq!(reply.status, 200, "{claims}: {}", reply.text);
        }
        // The claims that limit its lifetime must be numbers.
        for name in ["iat", "exp", "nbf"] {
            let mut claims = good.clone();
            claims[name] = json!(now.to_string());
            assert_eq!(viewer(&world, &by_secret(&world, &claims)).await.status, 401, "{claims}");
        }
    }
);

both!(
    ///
    async fn rejected_jwt_is_counted_by_its_reason(world: World) {
        let good = claims(&world);
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            by_secret(&world, &claims)
        };
        let head = |header: Value| unsigned(&header, &good) + ".AAAA";
        let now = world.now().seconds();
        assert_eq!(viewer(&world, &by_secret(&world, &good)).await.status, 200);
        world.operator(DisableUser { username: "bob".into() }).await.unwrap();
        for (reason, jwt) in [
            ("malformed", "nonsense".to_owned()),
            ("header", head(json!({ "alg": "HS256", "jku": "https://evil.example" }))),
            ("type", head(json!({ "alg": "HS256", "typ": "dpop+jwt" }))),
            ("algorithm", head(json!({ "alg": "none" }))),
            ("key", head(json!({ "alg": "RS256" }))),
            ("signature", head(json!({ "alg": "HS256" }))),
            ("issuer", with("iss", json!("https://evil.example"))),
            ("audience", with("aud", json!("other"))),
            ("claims", with("sub", json!(7))),
            ("claims", with("sub", json!(""))),
            ("expired", with("exp", json!(now - 100))),
            ("not_yet_valid", with("nbf", json!(now + 1_000))),
            ("lifetime", with("exp", json!(now + 100_000))),
            ("user", by_secret(&world, &good)),
        ] {
            let counted = || {
                let text = world.app.metrics().render(None, world.now()).unwrap();
                let line = format!("tokenward_jwt_rejections_total{{reason=\"{reason}\"}} ");
                let count = text.lines().find_map(|each| each.strip_prefix(&line)).expect("a counter");
                count.parse::<u64>().unwrap()
            };
            let before = counted();
            assert_eq!(status(&world, &jwt).await, 401, "{reason}");
            assert_eq!(counted(), before + 1, "{reason}");
        }
    }
);

both!(
    ///
    async fn log_contains_the_reason_of_a_rejected_jwt_and_no_part_of_it(database: Database) {
        let program = Program::over(&database, &[]);
        let (_serving, _) = program.serve().await;
        let jwt = program.jwt("bob");
        let forged = format!("{}.{}", jwt.rsplit_once('.').unwrap().0, "A".repeat(43));
        let http = reqwest::Client::new();
        for (bearer, reason) in [(forged.as_str(), "signature"), ("bm9uc2Vuc2U.x.y", "malformed")] {
            let request = http.post(program.url("/graphql")).bearer_auth(bearer);
            let reply = read(request.json(&json!({ "query": "{ viewer { id } }" }))).await;
            assert_eq!(reply.status, 401);
            let logged = program.logged();
            let line = logged.lines().find(|line| line.contains("a JWT was rejected") && line.contains(reason));
            assert!(line.is_some(), "{logged}");
            assert!(bearer.split('.').filter(|part| part.len() > 3).all(|part| !logged.contains(part)), "{logged}");
        }
    }
);

both!(
    ///
    async fn missing_keys_are_503_for_jwts_only(database: Database) {
        // No server listens there.
        let address = port::free();
        let url = format!("http://{address}/jwks.json");
        let world = World::with(database, &[("auth.jwt.jwks_url", &url), ("auth.jwt.algorithms", ALL)]).await;
        for pair in [RSA, EC, ED] {
            assert_eq!(status(&world, &pair.jwt(&world)).await, 503, "{}", pair.id);
        }
        assert_eq!(status(&world, "nonsense").await, 401);
        assert_eq!(world.anonymous().get("/readyz").await.status, 200);
        // The provider starts, and its keys are fetched a minute later.
        let provider = Provider::at(address).await;
        provider.publish(&[RSA]);
        assert_eq!(status(&world, &RSA.jwt(&world)).await, 503);
        assert_eq!(provider.requests(), 0);
        world.advance(MINUTE);
        assert_eq!(status(&world, &RSA.jwt(&world)).await, 200);
        assert_eq!(provider.requests(), 1);
    }
);

both!(
    ///
    async fn unknown_key_ids_cause_one_fetch_a_minute(database: Database) {
        let provider = Provider::with(&[ED]).await;
        let world = trusting(database, &provider, "EdDSA").await;
        assert_eq!(status(&world, &ED.jwt(&world)).await, 200);
        for round in 0..2 {
            let (start, before) = (Instant::now(), provider.requests());
            for batch in 0..20 {
                let requests = (0..50).map(|number| {
                    let mut header = OTHER_ED.header();
                    header["kid"] = json!(format!("{round}-{batch}-{number}"));
                    let (world, jwt) = (&world, OTHER_ED.sign(&header, &claims(&world)));
                    async move { status(world, &jwt).await }
                });
                assert!(join_all(requests).await.into_iter().all(|status| status == 401));
            }
            // On a slow machine, minutes may pass.
            let minutes = usize::try_from(start.elapsed().as_secs() / 60 + 1).unwrap();
            assert!(provider.requests() - before <= minutes, "round {round}: {} times", provider.requests() - before);
            if round == 1 {
                assert!(provider.requests() > before);
            }
            world.advance(MINUTE);
        }
        assert_eq!(status(&world, &ED.jwt(&world)).await, 200);
    }
);

both!(
    ///
    async fn new_key_is_accepted_within_a_minute_and_a_withdrawn_one_rejected_within_five(database: Database) {
        let provider = Provider::with(&[RSA]).await;
        let world = trusting(database, &provider, "RS256").await;
        assert_eq!(status(&world, &RSA.jwt(&world)).await, 200);
        provider.publish(&[RSA, OTHER_RSA]);
        assert_eq!(status(&world, &OTHER_RSA.jwt(&world)).await, 401);
        world.advance(MINUTE);
        assert_eq!(status(&world, &OTHER_RSA.jwt(&world)).await, 200);
        assert_eq!(provider.requests(), 2);
        // Withdraws the old key.
        provider.publish(&[OTHER_RSA]);
        world.advance(5 * MINUTE);
        assert_eq!((status(&world, &RSA.jwt(&world)).await, status(&world, &OTHER_RSA.jwt(&world)).await), (401, 200));
        assert_eq!(provider.requests(), 3);
    }
);

both!(
    ///
    async fn keys_of_an_unavailable_provider_are_used_for_an_hour(database: Database) {
        let provider = Provider::with(&[EC]).await;
        let world = trusting(database, &provider, "ES256").await;
        assert_eq!(status(&world, &EC.jwt(&world)).await, 200);
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let redirect = format!("302 Found\r\nLocation: http://{}/jwks.json", elsewhere.local_addr().unwrap());
        for (response, body) in [
            ("500 Internal Server Error", set(&[OTHER_EC])),
            ("204 No Content", String::new()),
            (redirect.as_str(), set(&[OTHER_EC])),
            ("200 OK", "<html>Sign in</html>".into()),
            ("200 OK", format!("{}{}", set(&[OTHER_EC]), " ".repeat(256 * 1024))),
        ] {
            provider.respond_with(response, &body);
            let before = provider.requests();
            world.advance(6 * MINUTE);
            assert_eq!((status(&world, &EC.jwt(&world)).await, provider.requests()), (200, before + 1), "{response}");
            assert_eq!(
                (status(&world, &OTHER_EC.jwt(&world)).await, provider.requests()),
                (401, before + 1),
                "{response}"
            );
        }
        assert!(has_no_connection(&elsewhere).await);
        world.advance(30 * MINUTE);
        assert_eq!(status(&world, &EC.jwt(&world)).await, 503);
        provider.publish(&[EC]);
        assert_eq!(status(&world, &EC.jwt(&world)).await, 503);
        world.advance(MINUTE);
        assert_eq!(status(&world, &EC.jwt(&world)).await, 200);
    }
);

both!(
    async fn concurrent_requests_share_one_fetch_that_survives_a_disconnect(database: Database) {
        let provider = Provider::at("127.0.0.1:0".parse().unwrap()).await;
        let world = trusting(database, &provider, ALL).await;
        // The user exists already, since a first sign-in also waits for the database.
        let identity = Some(Identity { issuer: crate::world::ISSUER.into(), subject: "bob".into() });
        let (username, name, email) = ("bob".into(), "Bob".into(), Some("bob@example.test".into()));
        let new = NewUser { username, name, email, email_verified: true, identity };
        world.operator(AddUser { new }).await.unwrap();
        let jwt = ED.jwt(&world);
        let body = json!({ "query": "{ viewer { username } }" }).to_string();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {jwt}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut first = tokio::net::TcpStream::connect(world.config.listen).await.unwrap();
        first.write_all(request.as_bytes()).await.unwrap();
        provider.wait_for_requests(1).await;
        drop(first);
        let others = join_all((0..20).map(|_| status(&world, &jwt)));
        let publishing = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            provider.publish(&[ED]);
        };
        let (statuses, ()) = tokio::join!(others, publishing);
        assert_eq!(statuses, [200; 20]);
        assert_eq!(provider.requests(), 1);
    }
);

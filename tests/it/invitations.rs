//! Tests of invitations: a link lets a user choose a password once, and the first administrator sign up.

use crate::{
    actions::concurrently,
    program::Program,
    world::{
        PASSWORD, World,
        client::{Client, Reply, read},
        database::Database,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Duration};
use tokenward::testing::{
    actions::{DeleteUser, DisableUser, EnableUser, InviteUser},
    domain::{caller::Caller, invitation::Code},
};

/// Returns the code in the file, once it is none of these: a start replaces the link a moment after the service is ready.
async fn first_code(program: &Program, file: &Path, before: &[String]) -> String {
    let start = std::time::Instant::now();
    loop {
        let link = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(rest) = link.strip_suffix("?first\n") {
            let code = rest.strip_prefix("https://tokens.example.test/invitations/").expect("a link").to_owned();
            if code.len() == 43 && !before.contains(&code) && program.logged().contains(file.to_str().unwrap()) {
                return code;
            }
        }
        assert!(start.elapsed() < Duration::from_mins(1), "{link}: {}", program.logged());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Returns the path of a new invitation.
async fn invite(world: &World, username: &str) -> String {
    let operator = Caller::command_line(world.now());
    world.app.change(&operator, InviteUser { username: username.to_owned() }).await.unwrap().link_once("")
}

/// Returns the path of an invitation for the first administrator.
async fn invite_first(world: &World) -> String {
    let code = Code::generate().unwrap();
    world.app.store().maintenance().invite_first(code.fingerprint(), world.now()).await.unwrap();
    code.link_once("")
}

async fn follow(world: &World, path: &str, body: &Value) -> Reply {
    read(world.anonymous().request(Method::POST, path).header("x-tokenward-console", "1").json(body)).await
}

async fn choose_password(world: &World, path: &str, password: &str) -> Reply {
    follow(world, path, &json!({ "password": password })).await
}

async fn viewer(client: &Client<'_>) -> Value {
    client.query("{ viewer { username organizations { nodes { slug viewerIsAdmin } } } }", json!({})).await["viewer"]
        .clone()
}

fn first_administrator() -> Value {
    json!({
        "password": PASSWORD, "username": "root", "name": "Ruth Oot", "email": "ruth@example.test",
        "organization": { "slug": "acme", "name": "Acme Widgets" },
    })
}

both!(
    ///
    async fn invited_user_chooses_a_password_once(world: World) {
        world.admin("ada", &["acme"]).await;
        let path = invite(&world, "ada").await;
        for (password, why) in [
            ("brief", "at least 15"),
            (&*"x9Fh2".repeat(60), "at most 256"),
            ("passwordpassword", "easy to guess"),
            ("ada@example.test", "easy to guess"),
        ] {
            let reply = choose_password(&world, &path, password).await;
            assert_eq!((reply.status.as_u16(), reply.json()["field"].as_str()), (422, Some("password")), "{password}");
            let message = reply.json()["message"].as_str().unwrap().to_owned();
            assert!(message.contains(why) && !message.contains(password), "{message}");
            assert!(!reply.headers.contains_key("set-cookie"));
        }
        // A trailing slash is ignored.
        let reply = choose_password(&world, &format!("{path}/"), PASSWORD).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
        let ada = world.browser(&reply);
        assert_eq!(viewer(&ada).await["username"], "ada");
        // Accepting an invitation counts as fresh authentication: she may create a token at once.
        ada.create_token("deploy", &["acme"], &["read_builds"]).await;
        assert_eq!(world.sign_in("ada", PASSWORD).await.status, 204);
        let again = choose_password(&world, &path, "another plover gantry ounce").await;
        assert_eq!(again.status, 404);
        assert_eq!(again.text, choose_password(&world, "/invitations/nonsense", PASSWORD).await.text);
        assert_eq!(world.sign_in("ada", PASSWORD).await.status, 204);
        let query = "{ organization(slug: \"acme\") { auditEvents(filter: { types: [USER_UPDATED] }) { nodes { via reason } } } }";
        assert_eq!(
            ada.query(query, json!({})).await["organization"]["auditEvents"]["nodes"],
            json!([
                { "via": "SESSION", "reason": "The password was chosen by invitation." },
                { "via": "COMMAND_LINE", "reason": "The user was invited to choose a password." },
            ])
        );
    }
);

both!(
    async fn invitation_expires_after_a_day_and_with_the_next_one(world: World) {
        for name in ["ada", "bob", "dan", "del"] {
            world.user(name).await;
        }
        let (before, after) = (invite(&world, "ada").await, invite(&world, "ada").await);
        assert_eq!(choose_password(&world, &before, PASSWORD).await.status, 404);
        let old = invite(&world, "bob").await;
        let (of_disabled, of_deleted) = (invite(&world, "dan").await, invite(&world, "del").await);
        world.operator(DisableUser { username: "dan".into() }).await.unwrap();
        world.operator(DeleteUser { username: "del".into() }).await.unwrap();
        for path in [&of_disabled, &of_deleted] {
            assert_eq!(choose_password(&world, path, PASSWORD).await.status, 404);
        }
        let operator = Caller::command_line(world.now());
        assert!(world.app.change(&operator, InviteUser { username: "dan".into() }).await.is_err());
        assert!(world.app.change(&operator, InviteUser { username: "unknown".into() }).await.is_err());
        world.operator(EnableUser { username: "dan".into() }).await.unwrap();
        world.advance(Duration::from_hours(24) - Duration::from_mins(1));
        for path in [&after, &of_disabled] {
            assert_eq!(choose_password(&world, path, PASSWORD).await.status, 204);
        }
        world.advance(Duration::from_mins(1));
        assert_eq!(choose_password(&world, &old, PASSWORD).await.status, 404);
        // A user who lost the password is invited again, and signed out everywhere.
        let dan = world.browser(&world.sign_in("dan", PASSWORD).await);
        let path = invite(&world, "dan").await;
        assert_eq!(choose_password(&world, &path, "another plover gantry ounce").await.status, 204);
        assert_eq!(dan.graphql("{ viewer { id } }", json!({})).await.status, 401);
        assert_eq!(world.sign_in("dan", PASSWORD).await.status, 401);
    }
);

both!(
    async fn link_followed_several_times_at_once_works_once(world: World) {
        world.user("ada").await;
        let path = invite(&world, "ada").await;
        let passwords: Vec<_> = (0..4).map(|number| format!("plover gantry ounce {number}")).collect();
        let replies = concurrently(4, async |one| choose_password(&world, &path, &passwords[one]).await).await;
        let accepted: Vec<_> = replies.iter().filter(|reply| reply.status == 204).collect();
        assert_eq!(accepted.len(), 1, "{replies:?}");
        assert_eq!(viewer(&world.browser(accepted[0])).await["username"], "ada");
    }
);

both!(
    ///
    async fn other_origins_cannot_follow_a_link(world: World) {
        world.user("ada").await;
        let path = invite(&world, "ada").await;
        let body = json!({ "password": PASSWORD });
        for headers in [
            &[][..],
            &[("x-tokenward-console", "1"), ("origin", "https://evil.example")],
            &[("x-tokenward-console", "1"), ("sec-fetch-site", "cross-site")],
        ] {
            let mut request = world.anonymous().request(Method::POST, &path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            assert_eq!(read(request.json(&body)).await.status, 403, "{headers:?}");
        }
        assert_eq!(choose_password(&world, &path, PASSWORD).await.status, 204);
    }
);

both!(
    async fn first_visitor_becomes_the_first_administrator(world: World) {
        let (before, path) = (invite_first(&world).await, invite_first(&world).await);
        assert_eq!(
            follow(&world, &before, &first_administrator()).await.status,
            404,
            "a new link replaces the previous one"
        );
        for (pointer, bad, field) in [
            ("/username", json!("Root"), "username"),
            ("/username", Value::Null, "username"),
            ("/name", json!(" "), "name"),
            ("/email", json!("no-address"), "email"),
            ("/organization", Value::Null, "organization.slug"),
            ("/organization/slug", json!("A"), "organization.slug"),
            ("/organization/name", json!(""), "organization.name"),
            ("/password", json!("acme widgets ruth"), "password"),
        ] {
            let mut body = first_administrator();
            *body.pointer_mut(pointer).unwrap() = bad;
            let reply = follow(&world, &path, &body).await;
            assert_eq!((reply.status.as_u16(), reply.json()["field"].as_str()), (422, Some(field)), "{}", reply.text);
        }
        assert!(!world.app.store().has_users().await.unwrap());
        let reply = follow(&world, &path, &first_administrator()).await;
        assert_eq!(reply.status, 204, "{}", reply.text);
        let root = world.browser(&reply);
        let expected =
            json!({ "username": "root", "organizations": { "nodes": [{ "slug": "acme", "viewerIsAdmin": true }] } });
        assert_eq!(viewer(&root).await, expected);
        let late = invite_first(&world).await;
        for path in [&path, &late] {
            assert_eq!(follow(&world, path, &first_administrator()).await.status, 404, "a user exists");
        }
        assert_eq!(world.sign_in("ruth@example.test", PASSWORD).await.status, 204);
        let query = "{ organization(slug: \"acme\") { auditEvents { nodes { type via actor { username } } } } }";
        let actor = json!({ "username": "root" });
        assert_eq!(
            root.query(query, json!({})).await["organization"]["auditEvents"]["nodes"],
            json!([
                { "type": "ORGANIZATION_MEMBER_ADDED", "via": "SESSION", "actor": actor },
                { "type": "ORGANIZATION_CREATED", "via": "SESSION", "actor": actor },
            ])
        );
    }
);

both!(
    async fn only_one_of_several_becomes_the_first_administrator(world: World) {
        let path = invite_first(&world).await;
        let body: Vec<_> = (0..4)
            .map(|number| {
                let mut body = first_administrator();
                body["username"] = json!(format!("root-{number}"));
                body["organization"]["slug"] = json!(format!("acme-{number}"));
                body
            })
            .collect();
        let replies = concurrently(4, async |one| follow(&world, &path, &body[one]).await).await;
        let statuses: Vec<_> = replies.iter().map(|reply| reply.status.as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [204, 404].contains(status)), "{statuses:?}");
    }
);

both!(
    ///
    async fn start_without_users_writes_the_link_to_a_private_file(database: Database) {
        let program =
            Program::over(&database, &[("public_url", "https://tokens.example.test"), ("log.format", "json")]);
        let file = database.folder().join("first-administrator-link");
        let mut codes = Vec::new();
        for start in 0..2 {
            let (mut serving, _) = program.serve().await;
            let code = first_code(&program, &file, &codes).await;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            codes.push(code);
            let logged = program.logged();
            assert_eq!(logged.matches(file.to_str().unwrap()).count(), start + 1, "{logged}");
            assert!(
                codes.iter().all(|code| !logged.contains(&**code)) && !logged.contains("/invitations/"),
                "{logged}"
            );
            assert!(logged.lines().all(|line| line.starts_with('{')), "{logged}");
            if start == 0 {
                serving.terminate();
                assert!(serving.exit_status(Duration::from_secs(10)).await.success());
                continue;
            }
            let mut statuses = Vec::new();
            for code in &codes {
                let request = reqwest::Client::new().post(program.url(&format!("/invitations/{code}")));
                let reply = read(request.header("x-tokenward-console", "1").json(&first_administrator())).await;
                statuses.push(reply.status.as_u16());
            }
            assert_eq!(statuses, [404, 204], "the restart invalidates the first link");
            assert!(!file.exists(), "the file of the used link exists");
        }
    }
);

both!(
    ///
    async fn start_in_a_terminal_shows_the_link(database: Database) {
        let program = Program::over(&database, &[("public_url", "https://tokens.example.test")]);
        let file = database.folder().join("first-administrator-link");
        // Left by an earlier start that had no terminal.
        std::fs::write(&file, "https://tokens.example.test/invitations/old?first").unwrap();
        // The program `script` gives its child a terminal.
        let seen = database.folder().join("terminal");
        let program = program.in_terminal(&seen);
        let (_serving, _) = program.serve().await;
        let start = std::time::Instant::now();
        loop {
            let shown = String::from_utf8_lossy(&std::fs::read(&seen).unwrap_or_default()).into_owned();
            if shown.contains("https://tokens.example.test/invitations/") {
                assert!(!shown.contains("/invitations/old"), "{shown}");
                break;
            }
            assert!(start.elapsed() < Duration::from_mins(1), "{shown}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!file.exists());
    }
);

both!(
    async fn start_with_users_creates_no_link(database: Database) {
        let program = Program::over(&database, &[("public_url", "https://tokens.example.test")]);
        let file = database.folder().join("first-administrator-link");
        std::fs::write(&file, "of an earlier start").unwrap();
        let add = ["user", "add", "ada", "--email", "ada@example.test", "--name", "Ada", "--invite"];
        let (first, second) = (program.run(&add), program.run(&["user", "invite", "ada"]));
        assert!(!file.exists(), "there is a user");
        for link in [&first, &second] {
            let code = link.strip_prefix("https://tokens.example.test/invitations/").expect("only a link");
            assert!(code.len() == 43 && code.bytes().all(|ch| ch.is_ascii_alphanumeric()), "{link}");
        }
        assert_ne!(first, second);
        let (mut serving, _) = program.serve().await;
        serving.terminate();
        assert!(serving.exit_status(Duration::from_secs(10)).await.success());
        assert!(!program.logged().contains("/invitations/") && !file.exists(), "users exist: {}", program.logged());
    }
);

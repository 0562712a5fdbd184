//! Checks which user gets which email, through the outbox, with a mailbox in memory.

use crate::world::{World, client::read};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokenward::testing::{
    actions::RemoveOrganizationMember,
    http::{UserClaims, sign},
    jobs,
    mail::{Failure, Mailbox, Mailer, Sent},
    store::Outcome,
};
use tokio_util::sync::CancellationToken;

const LEASE: Duration = Duration::from_secs(25);

/// Waits until the mailbox has rejected this number of emails.
async fn wait_for_failures(world: &World, count: usize) {
    let start = Instant::now();
    while world.mailbox.refused() < count {
        assert!(start.elapsed() < Duration::from_secs(30), "no attempt to send the email");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Returns the descriptions of the tokens in the emails, in the order of delivery.
fn subjects_of(emails: &[Sent]) -> Vec<&str> {
    let lines = emails.iter().flat_map(|sent| sent.email.text.lines());
    lines.filter_map(|line| line.strip_prefix("Token:        ")).collect()
}

/// Ada removes acme from a new token of bob's. Returns the ID of the token.
async fn remove_organization(world: &World, description: &str) -> String {
    let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
    let token = bob.create_token(description, &["acme"], &["read_builds"]).await;
    let acme = world.organization_id("acme").await;
    assert_eq!(ada.remove_organization(&token.id, &acme, Some("not used")).await.code(), "OK");
    token.id
}

/// Returns the values of a header.
fn header<'email>(sent: &'email Sent, name: &str) -> Vec<&'email str> {
    let head = sent.source.split("\r\n\r\n").next().unwrap();
    head.split("\r\n").filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect()
}

both!(
    /// R-33, P4
    async fn owner_is_notified_who_removed_the_organization_and_why(world: World) {
        let token = remove_organization(&world, "deploy").await;
        let emails = world.emails(1).await;
        let [email] = emails.as_slice() else { panic!("{emails:?}") };
        assert_eq!(email.recipients, ["bob@example.test"]);
        let (text, html) = (&email.email.text, &email.email.html);
        for words in [
            "acme inc. (acme)",
            "deploy",
            "twd_",
            "ada example (ada)",
            "not used",
            "addOrganizationToToken",
            &token,
            &email.email.notification_id,
        ] {
            assert!(text.contains(words), "{words}: {text}");
            let words = words.trim_end_matches(" (acme)");
            assert!(html.contains(words), "{words}: {html}");
        }
        assert_eq!(header(email, "Message-ID"), [format!("<{}@localhost>", email.email.notification_id)]);
    }
);

both!(
    async fn command_line_is_named_as_an_operator(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let change = RemoveOrganizationMember { organization: "acme".into(), user: "bob".into() };
        world.operator(change).await.unwrap();
        let emails = world.emails(1).await;
        let text = &emails[0].email.text;
        assert!(text.contains("Ended by:     an operator of this service\n"), "{text}");
        assert!(text.contains("Reason:       No reason was given.\n"), "{text}");
        assert!(text.contains("- deploy\n"), "{text}");
    }
);

both!(
    async fn owner_gets_no_email_about_own_removal(world: World) {
        let bob = world.admin("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds", "graphql"]).await;
        let tool = world.bearer(&bob.create_token("tool", &["acme"], &["graphql"]).await.value);
        let mark = world.mark().await;
        assert_eq!(bob.remove_organization(&token.id, &acme, None).await.code(), "OK");
        assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "OK");
        assert_eq!(tool.remove_organization(&token.id, &acme, None).await.code(), "OK");
        assert_eq!(world.since(&mark).await, (3, 0));
    }
);

both!(
    ///
    async fn committed_email_is_retried_with_the_same_message_id(world: World) {
        world.mailbox.fail_with(Some(Failure::transient("busy")));
        remove_organization(&world, "first").await;
        wait_for_failures(&world, 1).await;
        // A node leases the email and stops, whether or not it has sent it. The job may be faster; then it fails again.
        let (maintenance, mut leased) = (world.app.store().maintenance(), Vec::new());
        while leased.is_empty() {
            world.advance(Duration::from_mins(10));
            leased = maintenance.lease_emails(world.now(), LEASE, 10).await.unwrap();
        }
        let [first] = leased.as_slice() else { panic!("{leased:?}") };
        let payload: Value = serde_json::from_str(&first.payload).unwrap();
        assert_eq!((&payload["to_address"], &payload["to_name"]), (&json!("bob@example.test"), &json!("bob example")));
        assert_eq!(payload["email"]["kind"], "organization_removed");
        world.mailbox.fail_with(None);
        world.advance(Duration::from_hours(4));
        remove_organization(&world, "second").await;
        let emails = world.emails(2).await;
        let find = |name| emails.iter().find(|sent| subjects_of(std::slice::from_ref(sent)) == [name]).unwrap();
        assert_eq!(
            (emails.len(), header(find("first"), "Message-ID")),
            (2, vec![&*format!("<{}@localhost>", first.id)])
        );
        assert_ne!(header(find("second"), "Message-ID"), header(find("first"), "Message-ID"));
    }
);

both!(
    ///
    async fn failed_removal_sends_no_email(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let eve = world.member("eve", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        assert_eq!(eve.remove_organization(&token.id, &acme, None).await.code(), "FORBIDDEN");
        assert_eq!(ada.remove_organization(&token.id, &acme, Some("\u{7}")).await.code(), "INVALID_INPUT");
        assert_eq!(ada.revoke_token(&token.id).await.code(), "FORBIDDEN");
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn several_nodes_send_an_email_once(world: World) {
        let other = world.another_node(&[]).await;
        let (third, mailbox) = Mailer::memory();
        let stop = CancellationToken::new();
        jobs::start(&world.app, third, world.config.public_url.clone(), &stop);
        for number in 0..10 {
            let through = if number % 2 == 0 { &world } else { &other };
            remove_organization(through, &format!("deploy {number}")).await;
        }
        let all = || [&world.mailbox, &other.mailbox, &mailbox].map(Mailbox::sent).concat();
        let start = Instant::now();
        while all().len() < 10 && start.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // No email is due, so that no node will send another one.
        assert!(world.app.store().maintenance().lease_emails(world.now(), LEASE, 100).await.unwrap().is_empty());
        let mut names: Vec<_> = all().into_iter().map(|sent| sent.email.message_id).collect();
        assert_eq!(names.len(), 10);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 10);
        stop.cancel();
    }
);

both!(
    /// A node that was stopped while it held a lease reports the outcome too late.
    async fn expired_lease_can_only_report_success(world: World) {
        world.mailbox.fail_with(Some(Failure::transient("busy")));
        remove_organization(&world, "deploy").await;
        wait_for_failures(&world, 1).await;
        let (maintenance, hour) = (world.app.store().maintenance(), Duration::from_hours(1));
        let mut leases = Vec::new();
        while leases.len() < 3 {
            world.advance(hour);
            leases.extend(maintenance.lease_emails(world.now(), LEASE, 1).await.unwrap());
        }
        let [stopped, late, present] = leases.as_slice() else { panic!("{leases:?}") };
        assert!(stopped.id == late.id && late.id == present.id && stopped.until < late.until);
        let again = Outcome::Retry { at: world.now(), error: "late".into() };
        let given_up = Outcome::Abandoned { error: "late".into() };
        for outcome in [&again, &given_up] {
            assert!(!maintenance.settle_email(stopped, world.now(), outcome).await.unwrap());
        }
        // Another node cannot send it now, and it is not abandoned.
        assert!(maintenance.lease_emails(world.now(), LEASE, 1).await.unwrap().is_empty());
        // It was sent after all: a later attempt does not make it pending again.
        assert!(maintenance.settle_email(late, world.now(), &Outcome::Sent).await.unwrap());
        for outcome in [&again, &given_up, &Outcome::Sent] {
            assert!(!maintenance.settle_email(present, world.now(), outcome).await.unwrap());
        }
        assert!(maintenance.lease_emails(world.now().plus(hour), LEASE, 1).await.unwrap().is_empty());
    }
);

both!(
    async fn permanent_failure_abandons_the_email(world: World) {
        world.mailbox.fail_with(Some(Failure::permanent("no such user")));
        remove_organization(&world, "refused").await;
        wait_for_failures(&world, 1).await;
        world.mailbox.fail_with(None);
        // Emails are settled one after the other: when this one is delivered, the other one has been abandoned.
        remove_organization(&world, "sent").await;
        assert_eq!(subjects_of(&world.emails(1).await), ["sent"]);
        world.advance(Duration::from_hours(80));
        remove_organization(&world, "much later").await;
        assert_eq!(subjects_of(&world.emails(2).await), ["sent", "much later"]);
        assert!(world.app.store().maintenance().lease_emails(world.now(), LEASE, 10).await.unwrap().is_empty());
    }
);

both!(
    async fn temporary_failure_is_retried_with_the_original_address(world: World) {
        world.mailbox.fail_with(Some(Failure::transient("busy")));
        remove_organization(&world, "first").await;
        wait_for_failures(&world, 1).await;
        world.mailbox.fail_with(None);
        remove_organization(&world, "second").await;
        assert_eq!(subjects_of(&world.emails(1).await), ["second"], "a failed email is paused");
        let moved = UserClaims { subject: "bob", username: "bob", name: "bob example", email: "new@example.test" };
        let jwt = sign(world.config.jwt.as_ref().unwrap(), &moved, world.now(), Duration::from_hours(1)).unwrap();
        let viewer = world.bearer(&jwt).query("{ viewer { email } }", json!({})).await;
        assert_eq!(viewer["viewer"]["email"], "new@example.test");
        world.advance(Duration::from_secs(31));
        // Any commit wakes the job.
        world.organization("globex").await;
        let emails = world.emails(2).await;
        assert_eq!(subjects_of(&emails), ["second", "first"]);
        assert_eq!(emails[1].recipients, ["bob@example.test"]);
    }
);

both!(
    ///
    async fn links_use_the_configured_url(world: World) {
        let world = world.another_node(&[("public_url", "https://tokens.example.test")]).await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let input = json!({ "tokenId": token.id, "organizationId": world.organization_id("acme").await });
        let query = "mutation($input: RemoveOrganizationFromTokenInput!) { removeOrganizationFromToken(input: $input) \
                     { grant { id } } }";
        let request = ada.request(reqwest::Method::POST, "/graphql");
        let request = request.header("host", "evil.example").header("x-forwarded-host", "evil.example");
        let reply = read(request.json(&json!({ "query": query, "variables": { "input": input } }))).await;
        assert_eq!(reply.code(), "OK", "{}", reply.text);
        let emails = world.emails(1).await;
        let email = &emails[0];
        let page = format!("https://tokens.example.test/tokens/{}", token.id);
        assert!(email.email.text.contains(&format!("\n  {page}\n")), "{}", email.email.text);
        let link = format!("href=\"{}\"", page.replace('/', "&#x2f;"));
        assert!(email.email.html.contains(&link), "{}", email.email.html);
        assert!(email.email.message_id.ends_with("@tokens.example.test>"));
        assert!(!email.source.contains("evil"), "{}", email.source);
    }
);

both!(
    ///
    async fn line_breaks_are_rejected_and_a_long_subject_is_one_header(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let mark = world.mark().await;
        for nasty in ["a\r\nBcc: eve@example.test", "a\nb", "a\rb", "a\u{2028}b", "a\0b"] {
            let input = json!({ "description": nasty, "organizationIds": [acme], "scopes": ["read_builds"] });
            assert_eq!(bob.mutate("createToken", input).await.code(), "INVALID_INPUT");
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        let name = "Bcc: eve@example.test, ".repeat(4) + "Größe";
        let add = tokenward::testing::actions::CreateOrganization { slug: "long".into(), name, admin: "ada".into() };
        world.operator(add).await.unwrap();
        let (long, before) = (world.organization_id("long").await, world.mailbox.sent().len());
        let bob = world.member("bob", &["long"]).await;
        let token = bob.create_token("<b>deploy</b> & \"more\"", &["long"], &["read_builds"]).await;
        assert_eq!(ada.remove_organization(&token.id, &long, Some("{{ 7 * 7 }} <script>")).await.code(), "OK");
        let emails = world.emails(before + 1).await;
        let email = emails.last().unwrap();
        assert_eq!(email.recipients, ["bob@example.test"]);
        assert!(!email.email.subject.contains(['\r', '\n']));
        assert!(header(email, "Bcc").is_empty() && header(email, "Subject").len() == 1, "{}", email.source);
        assert!(email.email.text.contains("{{ 7 * 7 }} <script>"), "{}", email.email.text);
        assert!(!email.email.html.contains("<script>") && !email.email.html.contains("<b>deploy"));
    }
);

//! Do the right people get the right letter, once, and surely? The outbox, seen from the mailbox.

use crate::world::{World, client::read};
use serde_json::json;
use std::time::{Duration, Instant};
use tokenward::{
    actions::RemoveOrganizationMember,
    http::{Said, sign},
    jobs,
    mail::{Failure, Mailbox, Mailer, Sent},
    store::Outcome,
};
use tokio_util::sync::CancellationToken;

const LEASE: Duration = Duration::from_secs(25);

/// Waits until the mailbox has refused so many letters.
async fn refused(world: &World, count: usize) {
    let start = Instant::now();
    while world.mailbox.refused() < count {
        assert!(start.elapsed() < Duration::from_secs(30), "nobody tried to send the letter");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What the letters are about, in the order in which they came.
fn subjects_of(letters: &[Sent]) -> Vec<&str> {
    let lines = letters.iter().flat_map(|sent| sent.email.text.lines());
    lines.filter_map(|line| line.strip_prefix("Token:        ")).collect()
}

/// Bob's token loses acme by ada's hand; tells the token's id.
async fn cut(world: &World, description: &str) -> String {
    let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
    let token = bob.create_token(description, &["acme"], &["read_builds"]).await;
    let acme = world.organization_id("acme").await;
    assert_eq!(ada.remove_organization(&token.id, &acme, Some("not used")).await.code(), "OK");
    token.id
}

/// What stands in a header, over all its lines.
fn header<'letter>(sent: &'letter Sent, name: &str) -> Vec<&'letter str> {
    let head = sent.source.split("\r\n\r\n").next().unwrap();
    head.split("\r\n").filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect()
}

both!(
    /// R-33, P4
    async fn the_owner_is_told_by_whom_why_and_how_to_add_the_organization_again(world: World) {
        let token = cut(&world, "deploy").await;
        let letters = world.emails(1).await;
        let [letter] = letters.as_slice() else { panic!("{letters:?}") };
        assert_eq!(letter.recipients, ["bob@example.test"]);
        let (text, html) = (&letter.email.text, &letter.email.html);
        for words in [
            "acme inc. (acme)",
            "deploy",
            "twd_",
            "ada example (ada)",
            "not used",
            "addOrganizationToToken",
            &token,
            &letter.email.notification_id,
        ] {
            assert!(text.contains(words), "{words}: {text}");
            let words = words.trim_end_matches(" (acme)");
            assert!(html.contains(words), "{words}: {html}");
        }
        assert_eq!(header(letter, "Message-ID"), [format!("<{}@localhost>", letter.email.notification_id)]);
    }
);

both!(
    async fn the_command_line_is_an_operator_of_the_service(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let change = RemoveOrganizationMember { organization: "acme".into(), user: "bob".into() };
        world.operator(change).await.unwrap();
        let letters = world.emails(1).await;
        let text = &letters[0].email.text;
        assert!(text.contains("Ended by:     an operator of this service\n"), "{text}");
        assert!(text.contains("Reason:       No reason was given.\n"), "{text}");
        assert!(text.contains("- deploy\n"), "{text}");
    }
);

both!(
    async fn an_owner_who_removes_an_organization_themselves_gets_no_letter(world: World) {
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
    async fn a_letter_waits_in_the_outbox_from_the_commit_on_and_a_repeat_is_recognisable(world: World) {
        world.mailbox.fail_with(Some(Failure::transient("busy")));
        cut(&world, "first").await;
        refused(&world, 1).await;
        // A node takes the letter and dies, whether it has sent it or not. The job may be quicker; then it fails again.
        let (upkeep, mut leased) = (world.app.store().upkeep(), Vec::new());
        while leased.is_empty() {
            world.advance(Duration::from_mins(10));
            leased = upkeep.lease_emails(world.now(), LEASE, 10).await.unwrap();
        }
        let [first] = leased.as_slice() else { panic!("{leased:?}") };
        assert_eq!((&*first.to_address, &*first.to_name), ("bob@example.test", "bob example"));
        world.mailbox.fail_with(None);
        world.advance(Duration::from_hours(4));
        cut(&world, "second").await;
        let letters = world.emails(2).await;
        let find = |name| letters.iter().find(|sent| subjects_of(std::slice::from_ref(sent)) == [name]).unwrap();
        assert_eq!(
            (letters.len(), header(find("first"), "Message-ID")),
            (2, vec![&*format!("<{}@localhost>", first.id)])
        );
        assert_ne!(header(find("second"), "Message-ID"), header(find("first"), "Message-ID"));
    }
);

both!(
    ///
    async fn a_removal_that_fails_leaves_no_letter_behind(world: World) {
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
    async fn a_letter_comes_once_although_several_nodes_send(world: World) {
        let other = world.another_node(&[]).await;
        let (third, mailbox) = Mailer::memory();
        let stop = CancellationToken::new();
        jobs::start(&world.app, third, world.config.public_url.clone(), &stop);
        for number in 0..10 {
            let through = if number % 2 == 0 { &world } else { &other };
            cut(through, &format!("deploy {number}")).await;
        }
        let all = || [&world.mailbox, &other.mailbox, &mailbox].map(Mailbox::sent).concat();
        let start = Instant::now();
        while all().len() < 10 && start.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Nothing is due any more, so that nobody will send another.
        assert!(world.app.store().upkeep().lease_emails(world.now(), LEASE, 100).await.unwrap().is_empty());
        let mut names: Vec<_> = all().into_iter().map(|sent| sent.email.message_id).collect();
        assert_eq!(names.len(), 10);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 10);
        stop.cancel();
    }
);

both!(
    /// A node that was stopped while it held a letter comes too late to say what became of it.
    async fn a_lease_that_is_over_changes_nothing_but_that_a_letter_was_sent(world: World) {
        world.mailbox.fail_with(Some(Failure::transient("busy")));
        cut(&world, "deploy").await;
        refused(&world, 1).await;
        let (upkeep, hour) = (world.app.store().upkeep(), Duration::from_hours(1));
        let mut leases = Vec::new();
        while leases.len() < 3 {
            world.advance(hour);
            leases.extend(upkeep.lease_emails(world.now(), LEASE, 1).await.unwrap());
        }
        let [stopped, late, present] = leases.as_slice() else { panic!("{leases:?}") };
        assert!(stopped.id == late.id && late.id == present.id && stopped.until < late.until);
        let again = Outcome::Again { at: world.now(), why: "late".into() };
        let given_up = Outcome::GivenUp { why: "late".into() };
        for outcome in [&again, &given_up] {
            assert!(!upkeep.settle_email(stopped, world.now(), outcome).await.unwrap());
        }
        // Neither may somebody else send it now, nor was it given up.
        assert!(upkeep.lease_emails(world.now(), LEASE, 1).await.unwrap().is_empty());
        // It was sent after all: whoever tries now does not bring it back.
        assert!(upkeep.settle_email(late, world.now(), &Outcome::Sent).await.unwrap());
        for outcome in [&again, &given_up, &Outcome::Sent] {
            assert!(!upkeep.settle_email(present, world.now(), outcome).await.unwrap());
        }
        assert!(upkeep.lease_emails(world.now().plus(hour), LEASE, 1).await.unwrap().is_empty());
    }
);

both!(
    async fn a_refused_address_is_given_up_at_once(world: World) {
        world.mailbox.fail_with(Some(Failure::permanent("no such person")));
        cut(&world, "refused").await;
        refused(&world, 1).await;
        world.mailbox.fail_with(None);
        // Letters are settled one after the other: when this one has come, the other has been given up.
        cut(&world, "sent").await;
        assert_eq!(subjects_of(&world.emails(1).await), ["sent"]);
        world.advance(Duration::from_hours(80));
        cut(&world, "much later").await;
        assert_eq!(subjects_of(&world.emails(2).await), ["sent", "much later"]);
        assert!(world.app.store().upkeep().lease_emails(world.now(), LEASE, 10).await.unwrap().is_empty());
    }
);

both!(
    async fn a_passing_failure_is_tried_again_after_a_pause_at_the_address_of_the_commit(world: World) {
        world.mailbox.fail_with(Some(Failure::transient("busy")));
        cut(&world, "first").await;
        refused(&world, 1).await;
        world.mailbox.fail_with(None);
        cut(&world, "second").await;
        assert_eq!(subjects_of(&world.emails(1).await), ["second"], "a letter that failed has a pause");
        let moved = Said { subject: "bob", username: "bob", name: "bob example", email: "new@example.test" };
        let jwt = sign(world.config.jwt.as_ref().unwrap(), &moved, world.now(), Duration::from_hours(1)).unwrap();
        let viewer = world.bearer(&jwt).query("{ viewer { email } }", json!({})).await;
        assert_eq!(viewer["viewer"]["email"], "new@example.test");
        world.advance(Duration::from_secs(31));
        // Any commit wakes the job.
        world.organization("globex").await;
        let letters = world.emails(2).await;
        assert_eq!(subjects_of(&letters), ["second", "first"]);
        assert_eq!(letters[1].recipients, ["bob@example.test"]);
    }
);

both!(
    ///
    async fn links_come_from_the_configured_address_whatever_host_the_request_names(world: World) {
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
        let letters = world.emails(1).await;
        let letter = &letters[0];
        let page = format!("https://tokens.example.test/tokens/{}", token.id);
        assert!(letter.email.text.contains(&format!("\n  {page}\n")), "{}", letter.email.text);
        let link = format!("href=\"{}\"", page.replace('/', "&#x2f;"));
        assert!(letter.email.html.contains(&link), "{}", letter.email.html);
        assert!(letter.email.message_id.ends_with("@tokens.example.test>"));
        assert!(!letter.source.contains("evil"), "{}", letter.source);
    }
);

both!(
    ///
    async fn line_breaks_in_texts_are_refused_and_a_long_subject_is_one_header(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let mark = world.mark().await;
        for nasty in ["a\r\nBcc: eve@example.test", "a\nb", "a\rb", "a\u{2028}b", "a\0b"] {
            let input = json!({ "description": nasty, "organizationIds": [acme], "scopes": ["read_builds"] });
            assert_eq!(bob.mutate("createToken", input).await.code(), "INVALID_INPUT");
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        let name = "Bcc: eve@example.test, ".repeat(4) + "Größe";
        let add = tokenward::actions::CreateOrganization {
            slug: "long".into(),
            name,
            admin: "ada".into(),
            self_service: tokenward::domain::policy::SelfService::Off,
        };
        world.operator(add).await.unwrap();
        let (long, before) = (world.organization_id("long").await, world.mailbox.sent().len());
        let bob = world.member("bob", &["long"]).await;
        let token = bob.create_token("<b>deploy</b> & \"more\"", &["long"], &["read_builds"]).await;
        assert_eq!(ada.remove_organization(&token.id, &long, Some("{{ 7 * 7 }} <script>")).await.code(), "OK");
        let letters = world.emails(before + 1).await;
        let letter = letters.last().unwrap();
        assert_eq!(letter.recipients, ["bob@example.test"]);
        assert!(!letter.email.subject.contains(['\r', '\n']));
        assert!(header(letter, "Bcc").is_empty() && header(letter, "Subject").len() == 1, "{}", letter.source);
        assert!(letter.email.text.contains("{{ 7 * 7 }} <script>"), "{}", letter.email.text);
        assert!(!letter.email.html.contains("<script>") && !letter.email.html.contains("<b>deploy"));
    }
);

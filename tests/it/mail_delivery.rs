//! Tests of sending emails to a real mail server, including one that is slow, rejects emails, hangs, disconnects or is an
//! impostor.

use crate::{
    program::Program,
    world::{
        World,
        client::{Client, CreatedToken},
        database::{Database, Kind},
        smtp_server::{Authority, Encryption, Fault, SmtpServer, Step, StoredEmail, self_signed},
    },
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tokenward::testing::{
    config::MailTarget,
    domain::{
        caller::Caller,
        email::{EmailContent, EmailOrganization, EmailToken, EmailUser},
        policy,
    },
    http::{UserClaims, sign},
    mail::{Cause, EmailContext, Failure, Mailer, RenderedEmail, SEND_TIMEOUT, render},
    store::UndeliveredEmail,
};

const SENDER: &str = "Tokenward <tokenward@example.test>";

fn mailer(url: &str) -> Mailer {
    Mailer::new(&MailTarget::parse(url).unwrap(), SENDER).unwrap()
}

/// Users whose tokens lose access to acme: each removal sends an email.
struct Remover<'world> {
    ada: Client<'world>,
    bob: Client<'world>,
    acme: String,
}

impl<'world> Remover<'world> {
    async fn of(world: &'world World) -> Self {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        Self { ada, bob, acme: world.organization_id("acme").await }
    }

    async fn token(&self, description: &str) -> CreatedToken {
        self.bob.create_token(description, &["acme"], &["read_builds"]).await
    }

    async fn remove(&self, description: &str) {
        let token = self.token(description).await;
        assert_eq!(self.ada.remove_organization(&token.id, &self.acme, None).await.code(), "OK");
    }
}

impl World {
    /// Pending and abandoned emails.
    async fn undelivered(&self) -> Vec<UndeliveredEmail> {
        let operator = policy::operator(&Caller::command_line(self.now())).unwrap();
        self.app.store().undelivered_emails(&operator, 100).await.unwrap()
    }

    /// Waits until the undelivered emails meet the condition.
    async fn until_undelivered(
        &self,
        what: &str,
        condition: impl Fn(&[UndeliveredEmail]) -> bool,
    ) -> Vec<UndeliveredEmail> {
        let start = Instant::now();
        loop {
            let undelivered = self.undelivered().await;
            if condition(&undelivered) {
                return undelivered;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "not within 30 s: {what}; {undelivered:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Advances the clock of the service and wakes the job by a commit.
    async fn advance_and_wake(&self, span: Duration) {
        self.advance(span);
        self.organization(&format!("wakes-{}", self.now().micros())).await;
    }
}

fn message_ids(kept: &[StoredEmail]) -> BTreeSet<String> {
    kept.iter().map(StoredEmail::message_id).collect()
}

/// Returns an email in which every text is this one.
fn email_context(text: &str) -> EmailContext {
    let text = || text.to_owned();
    EmailContext {
        notification_id: text(),
        to_name: text(),
        to_address: "bob@example.test".into(),
        content: EmailContent::OrganizationRemoved {
            organization: EmailOrganization { slug: text(), name: text(), deleted: false },
            token: EmailToken { id: text(), description: text(), hint: text() },
            by: Some(EmailUser { username: text(), name: text() }),
            reason: Some(text()),
            at_micros: 0,
        },
        public_url: "https://tokens.example.test".into(),
    }
}

async fn send(url: &str) -> Result<(), Failure> {
    mailer(url).send(&render(&email_context("delivery_01")).unwrap()).await
}

fn is_one_email_to_bob(kept: &StoredEmail) {
    assert_eq!(kept.recipients, ["bob@example.test"]);
    let names = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
    for name in names {
        assert_eq!(kept.headers(name).len(), 1, "{name}: {}", kept.source);
    }
    for name in ["Bcc", "bcc", "Cc", "Reply-To"] {
        assert!(kept.headers(name).is_empty(), "{name}: {}", kept.source);
    }
    let head = kept.source.split("\r\n\r\n").next().unwrap();
    let count = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).count();
    assert_eq!(count, names.len(), "{head}");
}

///
#[tokio::test]
async fn line_breaks_add_no_recipients_or_headers() {
    let server = SmtpServer::start(Encryption::Plain).await;
    let mailer = mailer(&server.plain_url());
    let texts = [
        "x\r\nBcc: eve@example.test",
        "x\nBcc: eve@example.test",
        "x\rBcc: eve@example.test",
        "x\r\n.\r\nMAIL FROM:<eve@example.test>\r\nRCPT TO:<eve@example.test>\r\nDATA\r\n",
        "Größe\r\n\r\nBcc: eve@example.test",
        ".",
    ];
    for text in texts {
        mailer.send(&render(&email_context(text)).unwrap()).await.unwrap();
    }
    let kept = server.emails(texts.len()).await;
    assert_eq!(kept.len(), texts.len());
    kept.iter().for_each(is_one_email_to_bob);
    assert_eq!(
        (server.count("MAIL"), server.count("RCPT"), server.count("DATA")),
        (6, 6, 6),
        "{:?}",
        server.commands()
    );
}

both!(
    ///
    async fn display_names_add_no_recipients_or_headers(database: Database) {
        let server = SmtpServer::start(Encryption::Plain).await;
        let world = World::with_smtp_server(database, &server.plain_url(), SEND_TIMEOUT).await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let rename =
            "mutation($i: UpdateOrganizationInput!) { updateOrganization(input: $i) { organization { name } } }";
        for (name, code) in [("a\r\nBcc: eve@example.test", "INVALID_INPUT"), ("Bcc: eve@example.test, Größe", "OK")]
        {
            let input = json!({ "i": { "organizationId": acme, "name": name } });
            assert_eq!(ada.graphql(rename, input).await.code(), code);
        }
        let create = "mutation($i: CreateTokenInput!) { createToken(input: $i) { token { id } } }";
        let input = json!({ "i": { "description": "d\r\nBcc: eve@example.test", "organizationIds": [acme],
                                   "scopes": ["read_builds"] } });
        assert_eq!(bob.graphql(create, input).await.code(), "INVALID_INPUT");
        let token = bob.create_token("Bcc: eve@example.test", &["acme"], &["read_builds"]).await;
        // A display name with a line break is omitted; one that only looks like an address is accepted.
        let strange = "\"bob\" <eve@example.test>, Größe";
        for name in [strange, "bob\r\nBcc: eve@example.test"] {
            let claims = UserClaims { subject: "bob", username: "bob", name, email: "bob@example.test" };
            let jwt = sign(world.config.jwt.as_ref().unwrap(), &claims, world.now(), Duration::from_hours(1)).unwrap();
            let viewer = world.bearer(&jwt).query("{ viewer { name } }", json!({})).await;
            assert_eq!(viewer["viewer"]["name"], strange);
        }
        assert_eq!(ada.remove_organization(&token.id, &acme, Some("Bcc: eve@example.test")).await.code(), "OK");
        let kept = server.emails(1).await;
        let [email] = kept.as_slice() else { panic!("{kept:?}") };
        is_one_email_to_bob(email);
        assert_eq!(server.count("RCPT"), 1);
    }
);

both!(
    /// F-04, R-86
    async fn removal_does_not_wait_for_a_hanging_mail_server(database: Database) {
        let server = SmtpServer::start(Encryption::Plain).await;
        let world = World::with_smtp_server(database, &server.plain_url(), SEND_TIMEOUT).await;
        let remover = Remover::of(&world).await;
        let tokens = [remover.token("one").await, remover.token("two").await, remover.token("three").await];
        server.set_fault(Step::Ehlo, Fault::Hang);
        let [first, others @ ..] = &tokens;
        assert_eq!(remover.ada.remove_organization(&first.id, &remover.acme, None).await.code(), "OK");
        server.until("a connection hangs", |server| server.hanging() == 1).await;
        for token in others {
            assert_eq!(remover.ada.remove_organization(&token.id, &remover.acme, None).await.code(), "OK");
            // The response arrives while the first email still hangs: this checks the order, not the time.
            assert_eq!((server.hanging(), server.count("EHLO")), (1, 1));
        }
        assert!(server.stored().is_empty());
        // Another node could send the others at once: no lease holds them.
        let free = world.app.store().maintenance().lease_emails(world.now(), Duration::ZERO, 10).await.unwrap();
        assert_eq!(free.len(), others.len());
        server.clear_fault();
        world
            .until_undelivered("an attempt failed", |undelivered| {
                undelivered.iter().any(|email| email.last_error.is_some())
            })
            .await;
        world.advance_and_wake(Duration::from_mins(2)).await;
        assert_eq!(message_ids(&server.emails(3).await).len(), 3);
    }
);

both!(
    /// F-04
    async fn busy_server_gets_emails_within_two_minutes_of_its_recovery(database: Database) {
        let server = SmtpServer::start(Encryption::Plain).await;
        let world = World::with_smtp_server(database, &server.plain_url(), SEND_TIMEOUT).await;
        let remover = Remover::of(&world).await;
        // A failure before the first recipient pauses all emails, by the clock of the machine, and is therefore tried less often
        // here.
        let steps = [
            (Step::Mail, 4),
            (Step::Rcpt, 4),
            (Step::Data, 4),
            (Step::Message, 4),
            (Step::Connect, 2),
            (Step::Ehlo, 2),
        ];
        for (number, (step, times)) in steps.into_iter().enumerate() {
            server.set_fault(step, Fault::Reply("451 4.3.0 try again later"));
            remover.remove(&format!("{step:?}")).await;
            for attempt in 1..=times {
                if attempt > 1 {
                    world.advance_and_wake(Duration::from_secs(90)).await;
                }
                // A pause is longer than a lease, which distinguishes a finished attempt from one that still runs.
                let over = |email: &UndeliveredEmail| {
                    let paused = email.next_at.is_some_and(|at| at > world.now().plus(Duration::from_secs(26)));
                    email.attempts >= attempt && email.last_error.is_some() && (attempt == 1 || paused)
                };
                let tried = |undelivered: &[UndeliveredEmail]| undelivered.iter().any(over);
                let undelivered = world.until_undelivered(&format!("attempt {attempt} at {step:?}"), tried).await;
                assert!(
                    undelivered.len() == 1 && undelivered[0].last_error.as_ref().unwrap().contains("451"),
                    "{undelivered:?}"
                );
            }
            assert_eq!(server.stored().len(), number);
            server.clear_fault();
            world.advance_and_wake(Duration::from_secs(90)).await;
            server.emails(number + 1).await;
            world.until_undelivered("no email is undelivered", <[UndeliveredEmail]>::is_empty).await;
        }
        let kept = server.stored();
        assert_eq!((kept.len(), message_ids(&kept).len()), (steps.len(), steps.len()), "each was delivered once");
    }
);

both!(
    /// F-04: a 4xx response is retried, a 5xx response is not, and `mail` lists and retries abandoned emails.
    async fn rejected_email_is_abandoned_until_the_operator_retries_it(database: Database) {
        let server = SmtpServer::start(Encryption::Plain).await;
        let program = Program::over(&database, &[("mail.url", &server.plain_url())]);
        program.add_organization("acme", &["ada", "bob"]);
        let (_serving, _) = program.serve().await;
        for (number, step) in [Step::Rcpt, Step::Message].into_iter().enumerate() {
            server.set_fault(step, Fault::Reply("550 5.1.1 <bob@example.test> does not exist"));
            remove_one(&program, &format!("{step:?}")).await;
            let listed = listed(&program, "abandoned").await;
            assert!(listed.contains("bob@example.test") && listed.contains("550"), "{listed}");
            assert_eq!(server.count("RCPT"), 2 * number + 1, "tried once");
            assert_eq!(server.stored().len(), number);
            server.clear_fault();
            let id = listed.lines().find_map(|line| line.split_whitespace().find(|word| word.starts_with("mail_")));
            program.run(&["mail", "retry", id.unwrap()]);
            assert_eq!(server.emails(number + 1).await[number].recipients, ["bob@example.test"]);
            assert_eq!(server.count("RCPT"), 2 * number + 2);
        }
        assert!(!program.logged().contains("bob@example.test"), "{}", program.logged());
    }
);

/// Ada removes acme from a new token of bob's.
async fn remove_one(program: &Program, description: &str) {
    let http = reqwest::Client::new();
    let graphql = async |username: &str, query: &str, variables: serde_json::Value| {
        let body = json!({ "query": query, "variables": variables });
        let request = http.post(program.url("/graphql")).bearer_auth(program.jwt(username)).json(&body);
        let response: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        assert!(response["errors"].is_null(), "{response}");
        response["data"].clone()
    };
    let acme = graphql("bob", "{ organization(slug: \"acme\") { id } }", json!({})).await["organization"]["id"].clone();
    let create = "mutation($i: CreateTokenInput!) { createToken(input: $i) { token { id } } }";
    let input = json!({ "i": { "description": description, "organizationIds": [acme], "scopes": ["read_builds"] } });
    let token = graphql("bob", create, input).await["createToken"]["token"]["id"].clone();
    let remove = "mutation($i: RemoveOrganizationFromTokenInput!) { removeOrganizationFromToken(input: $i) \
                  { grant { id } } }";
    graphql("ada", remove, json!({ "i": { "tokenId": token, "organizationId": acme } })).await;
}

/// Returns the output of `mail list` as soon as it contains the words.
async fn listed(program: &Program, words: &str) -> String {
    let start = Instant::now();
    loop {
        let listed = program.run(&["mail", "list"]);
        if listed.contains(words) {
            return listed;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "`mail list` does not contain {words}: {listed}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// F-04: with the real timeout, and therefore slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_to_a_hanging_server_times_out() {
    let database = Database::fresh(Kind::Sqlite, "post").unwrap();
    let server = SmtpServer::start(Encryption::Plain).await;
    let program = Program::over(&database, &[("mail.url", &server.plain_url())]);
    program.add_organization("acme", &["ada", "bob"]);
    let (_serving, _) = program.serve().await;
    server.set_fault(Step::Connect, Fault::Hang);
    remove_one(&program, "deploy").await;
    server.until("a connection hangs", |server| server.hanging() == 1).await;
    let start = Instant::now();
    while server.hanging() > 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "the connection still hangs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(listed(&program, "did not answer in time").await.contains("next "));
}

both!(
    /// F-04
    async fn failing_server_gets_an_email_at_most_twice(database: Database) {
        let server = SmtpServer::start(Encryption::Plain).await;
        let world = World::with_smtp_server(database, &server.plain_url(), Duration::from_secs(8)).await;
        let remover = Remover::of(&world).await;
        let faults = [
            (Step::Connect, Fault::Hang, 1),
            (Step::Ehlo, Fault::Hang, 1),
            (Step::Data, Fault::Disconnect, 1),
            // The server keeps the email, which the client cannot know.
            (Step::Message, Fault::Hang, 2),
            (Step::Message, Fault::Disconnect, 2),
        ];
        let mut before = 0;
        for (step, act, copies) in faults {
            server.set_fault(step, act);
            remover.remove(&format!("{step:?} {act:?}")).await;
            world
                .until_undelivered("an attempt failed", |undelivered| {
                    undelivered.iter().any(|email| email.last_error.is_some())
                })
                .await;
            server.clear_fault();
            world.advance_and_wake(Duration::from_secs(90)).await;
            world.until_undelivered("no email is undelivered", <[UndeliveredEmail]>::is_empty).await;
            let kept = server.stored();
            let new = &kept[before..];
            assert_eq!((new.len(), message_ids(new).len()), (copies, 1), "{step:?} {act:?}");
            before = kept.len();
        }
    }
);

both!(
    /// F-03, P4: the process is killed after the commits, while one email is being sent.
    async fn kill_between_commit_and_email_loses_no_email(database: Database) {
        let server = SmtpServer::start(Encryption::Plain).await;
        let program = Program::over(&database, &[("mail.url", &server.plain_url())]);
        program.add_organization("acme", &["ada", "bob"]);
        let (serving, _) = program.serve().await;
        server.set_fault(Step::Message, Fault::Hang);
        for number in 0..5 {
            remove_one(&program, &format!("number {number}")).await;
        }
        server.until("an email is being sent", |server| server.hanging() == 1).await;
        serving.kill();
        assert_eq!(server.stored().len(), 1);
        server.clear_fault();
        let restart = Instant::now();
        let (_serving, _) = program.serve().await;
        server.until("five emails", |server| message_ids(&server.stored()).len() == 5).await;
        let took = restart.elapsed();
        wait_for_empty_list(&program).await;
        assert!(took < Duration::from_secs(30), "after {took:?}");
        let (kept, ids) = (server.stored(), message_ids(&server.stored()));
        assert!(kept.len() <= ids.len() + 1, "{} copies of {} emails", kept.len(), ids.len());
        let half_sent = kept[0].message_id();
        for id in ids.iter().filter(|id| **id != half_sent) {
            assert_eq!(kept.iter().filter(|email| email.message_id() == *id).count(), 1);
        }
    }
);

/// Waits until no email is undelivered.
async fn wait_for_empty_list(program: &Program) {
    let start = Instant::now();
    while !program.run(&["mail", "list"]).is_empty() {
        assert!(start.elapsed() < Duration::from_mins(1), "emails are still undelivered");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

///
#[tokio::test]
async fn trusted_server_gets_email_and_password_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let query = format!("tls=required&ca={}", authority.file());
    let acceptor = || authority.certify("127.0.0.1");
    for (line, scheme) in [(Encryption::StartTls(acceptor()), "smtp"), (Encryption::Tls(acceptor()), "smtps")] {
        let server = SmtpServer::start(line).await;
        send(&server.url(&format!("{scheme}://tokenward:hunter2@"), &query)).await.unwrap();
        assert_eq!(server.emails(1).await[0].recipients, ["bob@example.test"]);
        let commands = server.commands();
        let plain: Vec<_> = commands.iter().filter(|line| !line.starts_with('*')).collect();
        assert!(plain.iter().all(|line| line.starts_with("EHLO") || *line == "STARTTLS"), "{commands:?}");
        assert_eq!(server.count("AUTH PLAIN"), 1, "{commands:?}");
    }
}

///
#[tokio::test]
async fn untrusted_server_gets_neither_email_nor_password() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(folder.path()), Authority::new(folder.path()));
    let trusting_us = format!("tls=required&ca={}", ours.file());
    let wrong = [
        ("plain", Encryption::Plain, "smtp", &*trusting_us),
        ("plain, by default", Encryption::Plain, "smtp", ""),
        ("plain", Encryption::Plain, "smtps", ""),
        ("signed by itself", Encryption::StartTls(self_signed("127.0.0.1")), "smtp", &trusting_us),
        ("signed by itself", Encryption::Tls(self_signed("127.0.0.1")), "smtps", &trusting_us),
        ("of another name", Encryption::StartTls(ours.certify("mail.example.test")), "smtp", &trusting_us),
        ("of another name", Encryption::Tls(ours.certify("mail.example.test")), "smtps", &trusting_us),
        ("of another authority", Encryption::StartTls(theirs.certify("127.0.0.1")), "smtp", &trusting_us),
        ("of a private authority", Encryption::StartTls(ours.certify("127.0.0.1")), "smtp", "tls=required"),
        ("of a private authority", Encryption::Tls(ours.certify("127.0.0.1")), "smtps", "tls=required"),
    ];
    for (what, line, scheme, query) in wrong {
        let server = SmtpServer::start(line).await;
        let failure = send(&server.url(&format!("{scheme}://tokenward:hunter2@"), query)).await.unwrap_err();
        assert_eq!(failure.cause, Cause::Encryption, "{what}, {scheme}: {failure}");
        assert!(!failure.text.contains("hunter2"), "{failure}");
        let commands = server.commands();
        let harmless = |line: &String| line.starts_with("EHLO") || ["STARTTLS", "QUIT"].contains(&line.as_str());
        // A TLS handshake with a server that does not expect one is not recorded as commands.
        assert!(
            scheme == "smtps" && what == "plain" || commands.iter().all(harmless),
            "{what}, {scheme}: {commands:?}"
        );
        assert_eq!(
            (server.count("AUTH"), server.count("MAIL"), server.stored().len()),
            (0, 0, 0),
            "{what}: {commands:?}"
        );
    }
}

both!(
    ///
    async fn email_stays_pending_until_the_server_offers_tls(database: Database) {
        let authority = Authority::new(database.folder());
        let server = SmtpServer::start(Encryption::StartTls(authority.certify("127.0.0.1"))).await;
        let url = server.url("smtp://tokenward:hunter2@", &format!("tls=required&ca={}", authority.file()));
        let world = World::with_smtp_server(database, &url, SEND_TIMEOUT).await;
        let remover = Remover::of(&world).await;
        server.set_fault(Step::Ehlo, Fault::Reply("250 8BITMIME"));
        remover.remove("deploy").await;
        let failed = |undelivered: &[UndeliveredEmail]| undelivered.iter().any(|email| email.last_error.is_some());
        let undelivered = world.until_undelivered("an attempt failed", failed).await;
        assert!(undelivered[0].next_at.is_some() && server.stored().is_empty(), "{undelivered:?}");
        assert_eq!((server.count("AUTH"), server.count("MAIL")), (0, 0), "{:?}", server.commands());
        server.clear_fault();
        world.advance_and_wake(Duration::from_secs(90)).await;
        assert_eq!(server.emails(1).await.len(), 1);
    }
);

/// F-04
#[tokio::test]
async fn rejected_password_concerns_all_emails() {
    let server = SmtpServer::start(Encryption::Plain).await;
    server.set_fault(Step::Auth, Fault::Reply("535 5.7.8 wrong password"));
    let failure = send(&server.url("smtp://tokenward:hunter2@", "tls=none")).await.unwrap_err();
    assert_eq!(failure.cause, Cause::Authentication, "{failure}");
    assert!(failure.affects_all_emails() && !failure.text.contains("hunter2"), "{failure}");
    assert_eq!((server.count("MAIL"), server.stored().len()), (0, 0));
}

async fn send_to(server: &SmtpServer, address: &str) -> Result<(), Failure> {
    let rendered = render(&email_context("delivery_01")).unwrap();
    mailer(&server.plain_url()).send(&RenderedEmail { to_address: address.into(), ..rendered }).await
}

const ASCII_ONLY: Fault = Fault::Reply("250-post.example.test\r\n250 8BITMIME");

#[tokio::test]
async fn email_to_internationalized_domain_is_sent_to_its_ascii_form() {
    let server = SmtpServer::start(Encryption::Plain).await;
    server.set_fault(Step::Ehlo, ASCII_ONLY);
    send_to(&server, "ada@b\u{fc}cher.example").await.unwrap();
    assert_eq!(server.emails(1).await[0].recipients, ["ada@xn--bcher-kva.example"]);
    assert_eq!(server.stored()[0].headers("To"), ["delivery_01 <ada@xn--bcher-kva.example>"]);
    assert!(
        server.commands().iter().all(|line| line.is_ascii() && !line.contains("SMTPUTF8")),
        "{:?}",
        server.commands()
    );
}

#[tokio::test]
async fn non_ascii_local_part_needs_smtputf8_and_fails_permanently_without_it() {
    let server = SmtpServer::start(Encryption::Plain).await;
    server.set_fault(Step::Ehlo, ASCII_ONLY);
    let failure = send_to(&server, "b\u{fc}ro@b\u{fc}cher.example").await.unwrap_err();
    assert!(failure.is_permanent() && failure.text.contains("SMTPUTF8"), "{failure}");
    assert!(!failure.text.contains("b\u{fc}ro"), "{failure}");
    assert_eq!((server.count("MAIL"), server.stored().len()), (0, 0));
    server.clear_fault();
    send_to(&server, "b\u{fc}ro@b\u{fc}cher.example").await.unwrap();
    assert_eq!(server.emails(1).await[0].recipients, ["b\u{fc}ro@xn--bcher-kva.example"]);
    let commands = server.commands();
    assert!(
        commands.iter().any(|line| line.starts_with("MAIL") && line.ends_with("SMTPUTF8 BODY=8BITMIME")),
        "{commands:?}"
    );
}

//! Sends emails to a mail server, a folder or an in-memory mailbox.

mod folder;
#[cfg(feature = "testing")]
mod memory;
pub mod render;
mod smtp;

#[cfg(feature = "testing")]
pub use memory::{Mailbox, Sent};
pub use render::{EmailContext, RenderedEmail, render};

use crate::{
    config::MailTarget,
    domain::{
        error::{Error, Result},
        time::Time,
    },
};
use lettre::{
    Address, Message,
    address::AddressError,
    message::{
        Mailbox as NamedAddress, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use smtp::Server;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// The longest time that sending one email takes; the lease of a delivery is longer.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// The last second that a `Date` header can express, the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Why an email was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// The kind of failure.
    pub cause: Cause,
    /// The error message, in one line.
    pub text: String,
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The email or its address was rejected and would be rejected again.
    Refused,
    /// The server rejected the email temporarily.
    Deferred,
    /// There is no connection to the server, or it was closed.
    Unreachable,
    /// The server did not answer in time.
    Timeout,
    /// The server does not encrypt, or its certificate is not valid. Neither credentials nor an email were sent.
    Encryption,
    /// The server rejected the configured user and password.
    Authentication,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 6] =
        [Self::Refused, Self::Deferred, Self::Unreachable, Self::Timeout, Self::Encryption, Self::Authentication];

    /// Returns the name for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Deferred => "deferred",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Encryption => "encryption",
            Self::Authentication => "authentication",
        }
    }
}

impl Failure {
    /// Creates a failure of this kind.
    pub fn new(cause: Cause, text: impl std::fmt::Display) -> Self {
        Self { cause, text: shortened(text) }
    }

    /// Creates a failure of an email that would be rejected again.
    pub fn permanent(text: impl std::fmt::Display) -> Self {
        Self::new(Cause::Refused, text)
    }

    /// Creates a failure of an email that may be sent later.
    #[cfg(feature = "testing")]
    pub fn transient(text: impl std::fmt::Display) -> Self {
        Self::new(Cause::Deferred, text)
    }

    /// Returns whether a retry would fail again.
    pub fn is_permanent(&self) -> bool {
        self.cause == Cause::Refused
    }

    /// Returns whether any other email would have failed as well.
    pub const fn affects_all_emails(&self) -> bool {
        !matches!(self.cause, Cause::Refused | Cause::Deferred)
    }
}

/// Sends emails from one sender. Its `Debug` output contains no password.
#[derive(Debug, Clone)]
pub struct Mailer {
    from: NamedAddress,
    transport: Transport,
    limit: Duration,
}

#[derive(Debug, Clone)]
enum Transport {
    Folder(PathBuf),
    Server(Arc<Server>),
    #[cfg(feature = "testing")]
    Memory(Mailbox),
}

impl Mailer {
    /// Creates a mailer from the settings `mail.url` and `mail.from`. It opens no file and no connection before the first
    /// email.
    pub fn new(target: &MailTarget, from: &str) -> Result<Self> {
        let transport = match target {
            MailTarget::Folder(folder) => Transport::Folder(folder.clone()),
            MailTarget::Server(url) => Transport::Server(Arc::new(Server::new(url.reveal())?)),
        };
        Ok(Self { from: sender(from)?, transport, limit: SEND_TIMEOUT })
    }

    /// Creates a mailer for tests and the mailbox that it sends to.
    #[cfg(feature = "testing")]
    pub fn memory() -> (Self, Mailbox) {
        let mailbox = Mailbox::default();
        let address = Address::new_dangerous("tokenward", "localhost");
        let from = NamedAddress::new(Some("Tokenward".into()), address);
        (Self { from, transport: Transport::Memory(mailbox.clone()), limit: SEND_TIMEOUT }, mailbox)
    }

    /// Returns the mailer with another time limit, for tests.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Sends one email. A repeated email has the same Message-ID and, in a folder, the same file name.
    pub async fn send(&self, email: &RenderedEmail) -> Result<(), Failure> {
        let message = self.message(email)?;
        match &self.transport {
            Transport::Folder(folder) => {
                let (folder, id, source) = (folder.clone(), safe_name(&email.notification_id), message.formatted());
                let write = tokio::task::spawn_blocking(move || folder::write(&folder, &id, &source));
                let written = tokio::time::timeout(self.limit, write).await;
                let written = written.map_err(|_| Failure::new(Cause::Timeout, "the file was not written in time"))?;
                let failed = |error: &dyn std::fmt::Display| Failure::new(Cause::Unreachable, error);
                written.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
            }
            Transport::Server(server) => server.send(&message, self.limit).await,
            #[cfg(feature = "testing")]
            Transport::Memory(mailbox) => mailbox.receive(&message, email),
        }
    }

    fn message(&self, email: &RenderedEmail) -> Result<Message, Failure> {
        let address = deliverable(one_line(&email.to_address).trim())
            .map_err(|error| Failure::permanent(format!("the address is refused: {error}")))?;
        let name = Some(one_line(&email.to_name)).filter(|name| !name.trim().is_empty());
        Message::builder()
            .from(self.from.clone())
            .to(NamedAddress::new(name, address))
            .subject(one_line(&email.subject))
            .date(date(email.at))
            .message_id(Some(one_line(&email.message_id)))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(email.text.clone(), email.html.clone()))
            .map_err(|error| Failure::permanent(format!("failed to write the email: {error}")))
    }
}

fn sender(from: &str) -> Result<NamedAddress> {
    let message = "mail.from is not a valid sender; write one such as Tokenward <tokenward@example.com>.";
    let from = from
        .parse::<NamedAddress>()
        .ok()
        .and_then(|from| Some(NamedAddress::new(from.name, deliverable(from.email.as_ref()).ok()?)));
    from.ok_or_else(|| Error::invalid("mail.from", message))
}

/// Parses an address and converts its domain to ASCII (RFC 5891).
fn deliverable(address: &str) -> Result<Address, AddressError> {
    let address: Address = address.parse()?;
    if address.domain().is_ascii() {
        return Ok(address);
    }
    let domain = idna::domain_to_ascii_strict(address.domain()).map_err(|_| AddressError::InvalidDomain)?;
    Address::new(address.user(), domain)
}

/// Limits a time to what a `Date` header can express. The time of every event is within it.
fn date(at: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(at.seconds().clamp(0, LAST_SECOND).unsigned_abs())
}

/// Replaces the characters that could end a line, and with it a header, with spaces.
fn one_line(text: &str) -> String {
    let ends_line = |ch: char| ch.is_control() || matches!(ch, '\u{2028}' | '\u{2029}');
    text.chars().map(|ch| if ends_line(ch) { ' ' } else { ch }).collect()
}

/// Replaces the characters that a file name or a Message-ID must not contain with hyphens.
fn safe_name(id: &str) -> String {
    let is_allowed = |ch: char| ch.is_ascii_alphanumeric() || matches!(ch, '-' | '_');
    id.chars().map(|ch| if is_allowed(ch) { ch } else { '-' }).collect()
}

/// Returns the first 300 characters in one line, since responses of servers may be long.
fn shortened(text: impl std::fmt::Display) -> String {
    one_line(&text.to_string()).chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::email::{EmailContent, EmailOrganization, EmailToken};
    use std::os::unix::fs::PermissionsExt as _;

    fn email() -> RenderedEmail {
        RenderedEmail {
            notification_id: "delivery_01".into(),
            message_id: "<delivery_01@tokens.example.com>".into(),
            to_name: "Bob Builder".into(),
            to_address: "bob@example.com".into(),
            at: Time::parse("2026-11-23T09:30:00Z").expect("a time"),
            subject: "Organization removed from your token: Größe".into(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
        }
    }

    fn mailer_of(url: &str, from: &str) -> Result<Mailer> {
        Mailer::new(&MailTarget::parse(url)?, from)
    }

    async fn source_of(email: &RenderedEmail) -> String {
        let (mailer, mailbox) = Mailer::memory();
        mailer.send(email).await.expect("sent");
        mailbox.sent().pop().expect("an email").source
    }

    /// Returns the names of the headers before the first part.
    fn headers(source: &str) -> Vec<&str> {
        let head = source.split("\r\n\r\n").next().expect("headers");
        head.split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| &line[..line.find(':').expect("a name")])
            .collect()
    }

    #[tokio::test]
    async fn email_has_text_and_html_and_the_configured_sender() {
        let source = source_of(&email()).await;
        assert!(source.contains("From: Tokenward <tokenward@localhost>\r\n"), "{source}");
        assert!(source.contains("To: \"Bob Builder\" <bob@example.com>\r\n"), "{source}");
        assert!(source.contains("Date: Mon, 23 Nov 2026 09:30:00 +0000\r\n"), "{source}");
        assert!(source.contains("Auto-Submitted: auto-generated\r\n"), "{source}");
        assert!(source.contains("Content-Type: multipart/alternative;"), "{source}");
        let (text, html) = (source.find("text/plain").expect("text"), source.find("text/html").expect("HTML"));
        assert!(text < html);
        let names = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
        assert_eq!(headers(&source), names);
    }

    ///
    #[tokio::test]
    async fn repeated_email_has_the_same_message_id() {
        let (mailer, mailbox) = Mailer::memory();
        mailer.send(&email()).await.expect("sent");
        mailer.send(&email()).await.expect("sent again");
        let sent = mailbox.sent();
        assert_eq!(sent.len(), 2);
        assert!(sent.iter().all(|it| it.source.contains("Message-ID: <delivery_01@tokens.example.com>\r\n")));
    }

    ///
    #[tokio::test]
    async fn line_breaks_in_names_add_no_recipient_or_header() {
        for nasty in ["x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com", "x\rBcc: eve@example.com\r\n\r\nbody"] {
            for nasty in [nasty.to_owned(), format!("{}{nasty}", "long name ".repeat(20)), format!("ü{nasty}")] {
                let organization = EmailOrganization { slug: nasty.clone(), name: nasty.clone(), deleted: false };
                let token = EmailToken { id: nasty.clone(), description: nasty.clone(), hint: nasty.clone() };
                let context = EmailContext {
                    notification_id: nasty.clone(),
                    to_name: nasty.clone(),
                    to_address: "bob@example.com".into(),
                    content: EmailContent::OrganizationRemoved {
                        organization,
                        token,
                        by: None,
                        reason: Some(nasty.clone()),
                        at_micros: 0,
                    },
                    public_url: "https://tokens.example.com".into(),
                };
                let rendered = render(&context).expect("an email");
                let direct = RenderedEmail {
                    to_name: nasty.clone(),
                    subject: nasty.clone(),
                    message_id: nasty.clone(),
                    ..email()
                };
                for email in [rendered, direct] {
                    let (mailer, mailbox) = Mailer::memory();
                    mailer.send(&email).await.expect("sent");
                    let sent = mailbox.sent().pop().expect("an email");
                    assert_eq!(sent.recipients, ["bob@example.com"]);
                    assert_eq!(headers(&sent.source).len(), 8, "{}", sent.source);
                    assert!(!sent.source.contains("\nBcc"), "{}", sent.source);
                }
            }
        }
    }

    #[tokio::test]
    async fn invalid_address_is_a_permanent_failure() {
        for address in
            ["", "bob", "bob@", "bob@example.com, eve@example.com", "bob@example.com\r\nBcc: eve@example.com"]
        {
            let (mailer, mailbox) = Mailer::memory();
            let failure = mailer
                .send(&RenderedEmail { to_address: address.into(), ..email() })
                .await
                .expect_err("a rejected address");
            assert!(failure.is_permanent(), "{failure}");
            assert!(mailbox.sent().is_empty());
        }
    }

    #[tokio::test]
    async fn address_domain_is_converted_to_ascii() {
        for (address, expected) in [
            ("ada@b\u{fc}cher.example", Some("ada@xn--bcher-kva.example")),
            ("ada@B\u{dc}CHER.example", Some("ada@xn--bcher-kva.example")),
            ("ada@\u{4f8b}\u{3048}.\u{30c6}\u{30b9}\u{30c8}", Some("ada@xn--r8jz45g.xn--zckzah")),
            ("ada@xn--bcher-kva.example", Some("ada@xn--bcher-kva.example")),
            ("b\u{fc}ro@b\u{fc}cher.example", Some("b\u{fc}ro@xn--bcher-kva.example")),
            ("ada@Example.com", Some("ada@Example.com")),
            ("ada@\u{200d}.example", None),
            ("ada@-b\u{fc}cher.example", None),
        ] {
            let (mailer, mailbox) = Mailer::memory();
            let outcome = mailer.send(&RenderedEmail { to_address: address.into(), ..email() }).await;
            assert_eq!(outcome.is_ok(), expected.is_some(), "{address}: {outcome:?}");
            let recipients: Vec<_> = mailbox.sent().into_iter().flat_map(|sent| sent.recipients).collect();
            assert_eq!(recipients, Vec::from_iter(expected), "{address}");
        }
        let from = mailer_of("file:///mail", "Tokenward <post@b\u{fc}cher.example>").expect("a mailer").from;
        assert_eq!(from.email.domain(), "xn--bcher-kva.example");
    }

    #[tokio::test]
    async fn folder_gets_one_private_file_per_email() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("new % folder");
        let target = MailTarget::Folder(folder.clone());
        let mailer = Mailer::new(&target, "Tokenward <tokenward@localhost>").expect("a mailer");
        assert!(!folder.exists());
        mailer.send(&email()).await.expect("sent");
        mailer.send(&email()).await.expect("sent again");
        mailer.send(&RenderedEmail { notification_id: "../up".into(), ..email() }).await.expect("sent");
        let mut names: Vec<_> =
            std::fs::read_dir(&folder).expect("the folder").map(|it| it.expect("a file").file_name()).collect();
        names.sort();
        assert_eq!(names, ["---up.eml", "delivery_01.eml"]);
        let mode = |path: &std::path::Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("delivery_01.eml"))), (0o700, 0o600));
    }

    #[tokio::test]
    async fn unwritable_folder_is_a_temporary_failure() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let target = MailTarget::Folder(file.path().join("mail"));
        let mailer = Mailer::new(&target, "tokenward@localhost").expect("a mailer");
        let failure = mailer.send(&email()).await.expect_err("a failure");
        assert!(!failure.is_permanent() && failure.affects_all_emails(), "{failure}");
    }

    #[test]
    fn error_of_an_invalid_setting_contains_no_password() {
        for url in [
            "",
            "file://",
            "file:///",
            "mail",
            "http://hunter2@mail",
            "smtp://",
            "smtp://tokenward:hunter2@mail:587?tls=none",
            "smtp://tokenward:hunter2@mail:587?tls=opportunistic",
            "smtp://tokenward:hunter2@mail:587?hunter2=1",
            "smtp://tokenward:hunter2@mail:587/path",
            "smtp://tokenward:587#hunter2@mail",
            "smtp://tokenward:hunter2@mail:port",
            "smtp://hunter2@mail",
            "smtps://tokenward:hunter2@mail?tls=none",
            "smtp://tokenward:hunter2@mail:587?tls=required&tls=required",
            "smtp://tokenward:hunter2@mail:587?ca=/no/such/file",
            "smtp://tokenward:hunter2@mail:587?ca=/dev/null",
            "smtp://tokenward:hunter2@localhost:25?tls=none&ca=/dev/null",
        ] {
            match mailer_of(url, "tokenward@localhost") {
                Err(Error::Invalid { field, message }) => {
                    assert_eq!(field, "mail.url");
                    assert!(message.ends_with('.') && !message.contains("hunter2"), "{message}");
                }
                other => panic!("{url} is not rejected: {other:?}"),
            }
        }
        for from in ["", "Tokenward", "Tokenward <>", "a@example.com\r\nBcc: b@example.com"] {
            assert_eq!(
                mailer_of("file:///mail", from).expect_err("an invalid sender").code().as_str(),
                "INVALID_INPUT"
            );
        }
    }

    #[test]
    fn debug_output_contains_no_password() {
        for url in
            ["smtp://tokenward:hunter2@mail:587", "smtps://tokenward:hunter2@mail", "smtp://a:hunter2@[::1]?tls=none"]
        {
            let mailer = mailer_of(url, "tokenward@localhost").expect("a mailer");
            assert!(!format!("{mailer:?}").contains("hunter2"));
        }
    }

    #[test]
    fn any_time_has_a_date_header() {
        for micros in [i64::MIN, -1, 0, i64::MAX] {
            let _ = lettre::message::header::Date::new(date(Time::from_micros(micros)));
        }
    }
}

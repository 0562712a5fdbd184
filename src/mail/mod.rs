//! Sends a letter: to a mail server, into a folder, or into memory.

mod folder;
mod memory;
pub mod render;
mod smtp;

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
        Mailbox as Party, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use smtp::Server;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// The longest that handing over one letter takes; a lease on a letter outlives it.
pub const LONGEST_SEND: Duration = Duration::from_secs(20);

/// The last second that the header of a date can hold: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Why a letter did not go out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// What kind of failure it is.
    pub cause: Cause,
    /// What happened, in one line.
    pub text: String,
}

/// What keeps letters from going out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The letter or its address was refused: it would be refused again.
    Refused,
    /// The server takes the letter later, perhaps.
    Busy,
    /// Nobody is there, or the line broke.
    Unreachable,
    /// No answer came in time.
    Late,
    /// The server does not encrypt, or cannot prove that it is the one. It was told nothing.
    Encryption,
    /// The server does not accept our user and password.
    SignIn,
}

impl Cause {
    /// Every one of them.
    pub const ALL: [Self; 6] =
        [Self::Refused, Self::Busy, Self::Unreachable, Self::Late, Self::Encryption, Self::SignIn];

    /// In one word, for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Busy => "deferred",
            Self::Unreachable => "unreachable",
            Self::Late => "timeout",
            Self::Encryption => "encryption",
            Self::SignIn => "authentication",
        }
    }
}

impl Failure {
    /// A failure of that kind.
    pub fn new(cause: Cause, text: impl std::fmt::Display) -> Self {
        Self { cause, text: in_short(text) }
    }

    /// The letter would be refused again.
    pub fn permanent(text: impl std::fmt::Display) -> Self {
        Self::new(Cause::Refused, text)
    }

    /// The letter may go later.
    pub fn passing(text: impl std::fmt::Display) -> Self {
        Self::new(Cause::Busy, text)
    }

    /// Whether there is no use in asking again.
    pub fn is_permanent(&self) -> bool {
        self.cause == Cause::Refused
    }

    /// Whether any other letter would have failed too.
    pub const fn concerns_every_letter(&self) -> bool {
        !matches!(self.cause, Cause::Refused | Cause::Busy)
    }
}

/// Sends letters, all from one sender. Printing it shows no password.
#[derive(Debug, Clone)]
pub struct Mailer {
    from: Party,
    way: Way,
    limit: Duration,
}

#[derive(Debug, Clone)]
enum Way {
    Folder(PathBuf),
    Server(Arc<Server>),
    Memory(Mailbox),
}

impl Mailer {
    /// By the settings `mail.url` and `mail.from`. Nothing is opened before the first letter.
    pub fn new(target: &MailTarget, from: &str) -> Result<Self> {
        let way = match target {
            MailTarget::Folder(folder) => Way::Folder(folder.clone()),
            MailTarget::Server(url) => Way::Server(Arc::new(Server::new(url.reveal())?)),
        };
        Ok(Self { from: sender(from)?, way, limit: LONGEST_SEND })
    }

    /// Sends into a mailbox that a test looks into.
    pub fn memory() -> (Self, Mailbox) {
        let mailbox = Mailbox::default();
        let address = Address::new_dangerous("tokenward", "localhost");
        let from = Party::new(Some("Tokenward".into()), address);
        (Self { from, way: Way::Memory(mailbox.clone()), limit: LONGEST_SEND }, mailbox)
    }

    /// The same with less patience, for a test that does not want to wait so long.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Sends one letter; the same letter again has the same Message-ID, and in a folder the same name.
    pub async fn send(&self, letter: &RenderedEmail) -> Result<(), Failure> {
        let message = self.message(letter)?;
        match &self.way {
            Way::Folder(folder) => {
                let (folder, notice, source) = (folder.clone(), word(&letter.notice), message.formatted());
                let write = tokio::task::spawn_blocking(move || folder::write(&folder, &notice, &source));
                let written = tokio::time::timeout(self.limit, write).await;
                let written = written.map_err(|_| Failure::new(Cause::Late, "the folder did not take it in time"))?;
                let lost = |error: &dyn std::fmt::Display| Failure::new(Cause::Unreachable, error);
                written.map_err(|error| lost(&error))?.map_err(|error| lost(&error))
            }
            Way::Server(server) => server.send(&message, self.limit).await,
            Way::Memory(mailbox) => mailbox.receive(&message, letter),
        }
    }

    fn message(&self, letter: &RenderedEmail) -> Result<Message, Failure> {
        let address = deliverable(one_line(&letter.to_address).trim())
            .map_err(|error| Failure::permanent(format!("the address is refused: {error}")))?;
        let name = Some(one_line(&letter.to_name)).filter(|name| !name.trim().is_empty());
        Message::builder()
            .from(self.from.clone())
            .to(Party::new(name, address))
            .subject(one_line(&letter.subject))
            .date(date(letter.at))
            .message_id(Some(one_line(&letter.message_id)))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
            .map_err(|error| Failure::permanent(format!("failed to write the email: {error}")))
    }
}

fn sender(from: &str) -> Result<Party> {
    let why = "mail.from is no sender; write one such as Tokenward <tokenward@example.com>.";
    let from =
        from.parse::<Party>().ok().and_then(|from| Some(Party::new(from.name, deliverable(from.email.as_ref()).ok()?)));
    from.ok_or_else(|| Error::invalid("mail.from", why))
}

/// An address with its domain as mail servers know it: in ASCII (RFC 5891).
fn deliverable(address: &str) -> Result<Address, AddressError> {
    let address: Address = address.parse()?;
    if address.domain().is_ascii() {
        return Ok(address);
    }
    let domain = idna::domain_to_ascii_strict(address.domain()).map_err(|_| AddressError::InvalidDomain)?;
    Address::new(address.user(), domain)
}

/// Within what a header can hold, which no event is outside of.
fn date(at: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(at.seconds().clamp(0, LAST_SECOND).unsigned_abs())
}

/// The same text without characters that could end a line, and with it a header.
fn one_line(text: &str) -> String {
    let ends = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    text.chars().map(|letter| if ends(letter) { ' ' } else { letter }).collect()
}

/// What names a letter wherever a word is needed: in a file's name, in a Message-ID.
fn word(notice: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    notice.chars().map(|letter| if fits(letter) { letter } else { '-' }).collect()
}

/// The first 300 characters, in one line: what servers answer may be long.
fn in_short(text: impl std::fmt::Display) -> String {
    one_line(&text.to_string()).chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::email::{EmailContent, EmailToken, Place};
    use std::os::unix::fs::PermissionsExt as _;

    fn letter() -> RenderedEmail {
        RenderedEmail {
            notice: "delivery_01".into(),
            message_id: "<delivery_01@tokens.example.com>".into(),
            to_name: "Bob Builder".into(),
            to_address: "bob@example.com".into(),
            at: Time::parse("2026-11-23T09:30:00Z").expect("a time"),
            subject: "Organization removed from your token: Größe".into(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
        }
    }

    fn of(url: &str, from: &str) -> Result<Mailer> {
        Mailer::new(&MailTarget::parse(url)?, from)
    }

    async fn source_of(letter: &RenderedEmail) -> String {
        let (mailer, mailbox) = Mailer::memory();
        mailer.send(letter).await.expect("sent");
        mailbox.sent().pop().expect("a letter").source
    }

    /// The names of the headers before the first part.
    fn headers(source: &str) -> Vec<&str> {
        let head = source.split("\r\n\r\n").next().expect("a head");
        head.split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| &line[..line.find(':').expect("a name")])
            .collect()
    }

    #[tokio::test]
    async fn a_letter_is_text_and_html_from_the_configured_sender() {
        let source = source_of(&letter()).await;
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
    async fn a_repeated_letter_has_the_same_message_id() {
        let (mailer, mailbox) = Mailer::memory();
        mailer.send(&letter()).await.expect("sent");
        mailer.send(&letter()).await.expect("sent again");
        let sent = mailbox.sent();
        assert_eq!(sent.len(), 2);
        assert!(sent.iter().all(|it| it.source.contains("Message-ID: <delivery_01@tokens.example.com>\r\n")));
    }

    ///
    #[tokio::test]
    async fn line_breaks_in_names_neither_add_a_recipient_nor_a_header() {
        for nasty in ["x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com", "x\rBcc: eve@example.com\r\n\r\nbody"] {
            for nasty in [nasty.to_owned(), format!("{}{nasty}", "long name ".repeat(20)), format!("ü{nasty}")] {
                let place = Place { slug: nasty.clone(), name: nasty.clone(), deleted: false };
                let token = EmailToken { id: nasty.clone(), description: nasty.clone(), hint: nasty.clone() };
                let envelope = EmailContext {
                    notice: nasty.clone(),
                    to_name: nasty.clone(),
                    to_address: "bob@example.com".into(),
                    letter: EmailContent::OrganizationRemoved {
                        organization: place,
                        token,
                        by: None,
                        reason: Some(nasty.clone()),
                        at_micros: 0,
                    },
                    public_url: "https://tokens.example.com".into(),
                };
                let rendered = render(&envelope).expect("a letter");
                let by_hand = RenderedEmail {
                    to_name: nasty.clone(),
                    subject: nasty.clone(),
                    message_id: nasty.clone(),
                    ..letter()
                };
                for letter in [rendered, by_hand] {
                    let (mailer, mailbox) = Mailer::memory();
                    mailer.send(&letter).await.expect("sent");
                    let sent = mailbox.sent().pop().expect("a letter");
                    assert_eq!(sent.recipients, ["bob@example.com"]);
                    assert_eq!(headers(&sent.source).len(), 8, "{}", sent.source);
                    assert!(!sent.source.contains("\nBcc"), "{}", sent.source);
                }
            }
        }
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_one_is_refused_for_good() {
        for address in
            ["", "bob", "bob@", "bob@example.com, eve@example.com", "bob@example.com\r\nBcc: eve@example.com"]
        {
            let (mailer, mailbox) = Mailer::memory();
            let failure =
                mailer.send(&RenderedEmail { to_address: address.into(), ..letter() }).await.expect_err("refused");
            assert!(failure.is_permanent(), "{failure}");
            assert!(mailbox.sent().is_empty());
        }
    }

    #[tokio::test]
    async fn domain_of_an_address_is_written_in_ascii() {
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
            let outcome = mailer.send(&RenderedEmail { to_address: address.into(), ..letter() }).await;
            assert_eq!(outcome.is_ok(), expected.is_some(), "{address}: {outcome:?}");
            let recipients: Vec<_> = mailbox.sent().into_iter().flat_map(|sent| sent.recipients).collect();
            assert_eq!(recipients, Vec::from_iter(expected), "{address}");
        }
        let from = of("file:///mail", "Tokenward <post@b\u{fc}cher.example>").expect("a mailer").from;
        assert_eq!(from.email.domain(), "xn--bcher-kva.example");
    }

    #[tokio::test]
    async fn a_folder_gets_one_file_a_letter_that_nobody_else_can_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("new % folder");
        let target = MailTarget::Folder(folder.clone());
        let mailer = Mailer::new(&target, "Tokenward <tokenward@localhost>").expect("a mailer");
        assert!(!folder.exists());
        mailer.send(&letter()).await.expect("sent");
        mailer.send(&letter()).await.expect("sent again");
        mailer.send(&RenderedEmail { notice: "../up".into(), ..letter() }).await.expect("sent");
        let mut names: Vec<_> =
            std::fs::read_dir(&folder).expect("the folder").map(|it| it.expect("a file").file_name()).collect();
        names.sort();
        assert_eq!(names, ["---up.eml", "delivery_01.eml"]);
        let mode = |path: &std::path::Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("delivery_01.eml"))), (0o700, 0o600));
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_a_passing_failure() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let target = MailTarget::Folder(file.path().join("mail"));
        let mailer = Mailer::new(&target, "tokenward@localhost").expect("a mailer");
        let failure = mailer.send(&letter()).await.expect_err("a failure");
        assert!(!failure.is_permanent() && failure.concerns_every_letter(), "{failure}");
    }

    #[test]
    fn a_bad_setting_is_refused_with_a_sentence_that_repeats_no_password() {
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
            match of(url, "tokenward@localhost") {
                Err(Error::Invalid { field, why }) => {
                    assert_eq!(field, "mail.url");
                    assert!(why.ends_with('.') && !why.contains("hunter2"), "{why}");
                }
                other => panic!("{url} is not refused: {other:?}"),
            }
        }
        for from in ["", "Tokenward", "Tokenward <>", "a@example.com\r\nBcc: b@example.com"] {
            assert_eq!(of("file:///mail", from).expect_err("no sender").code().as_str(), "INVALID_INPUT");
        }
    }

    #[test]
    fn printing_a_mailer_shows_no_password() {
        for url in
            ["smtp://tokenward:hunter2@mail:587", "smtps://tokenward:hunter2@mail", "smtp://a:hunter2@[::1]?tls=none"]
        {
            let mailer = of(url, "tokenward@localhost").expect("a mailer");
            assert!(!format!("{mailer:?}").contains("hunter2"));
        }
    }

    #[test]
    fn every_time_has_a_date() {
        for micros in [i64::MIN, -1, 0, i64::MAX] {
            let _ = lettre::message::header::Date::new(date(Time::from_micros(micros)));
        }
    }
}

//! Hands a letter to a mail server by SMTP, encrypted unless the server is this machine.

use super::{Failure, LONGEST_SEND};
use crate::domain::error::{Error, Result};
use lettre::{
    Message,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};
use percent_encoding::percent_decode_str;
use std::{net::IpAddr, time::Duration};
use tokio::time::timeout;
use url::{Host, Url};

/// The longest until the server is ready to take a letter.
const LONGEST_GREETING: Duration = Duration::from_secs(20);
/// How long a server may take to say goodbye, which changes nothing any more.
const LONGEST_GOODBYE: Duration = Duration::from_secs(1);
/// What a server answers that wants to know first who we are: no fault of the letter.
const SIGN_IN_FIRST: u16 = 530;

/// A mail server, and how to sign in there.
pub(super) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<Credentials>,
}

enum Encryption {
    /// None, which is for this machine alone.
    None,
    /// STARTTLS before anything else is said, or nothing is sent.
    Demanded(TlsParameters),
    /// From the first byte on.
    Always(TlsParameters),
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}:{})", self.host, self.port)
    }
}

impl Server {
    /// Reads `smtp://user:password@host:587?tls=required` or `smtps://user:password@host`.
    pub(super) fn new(url: &str) -> Result<Self> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "smtp" | "smtps"));
        let url = url.ok_or_else(|| {
            refuse("mail.url is no address of mail; write one such as smtp://user:password@host:587 or file:///folder.")
        })?;
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(refuse("mail.url names no host; write one such as smtp://user:password@host:587.")),
        };
        if !matches!(url.path(), "" | "/") {
            return Err(refuse("mail.url has a path after its host; leave it out."));
        }
        let (encryption, usual_port) = encryption(&url, &host)?;
        Ok(Self { port: url.port().unwrap_or(usual_port), credentials: credentials(&url)?, encryption, host })
    }

    /// Hands over one letter.
    pub(super) async fn send(&self, message: &Message) -> Result<(), Failure> {
        let late = |_| Failure::passing(format!("{self:?} did not answer in time"));
        let opened = timeout(LONGEST_GREETING, self.open()).await.map_err(late)?;
        // Whatever is said before the letter is not about the letter.
        let mut connection = opened.map_err(|error| Failure::passing(format!("{self:?}: {error}")))?;
        let source = message.formatted();
        let handing = connection.send(message.envelope(), &source);
        let taken =
            timeout(LONGEST_SEND.saturating_sub(LONGEST_GREETING + LONGEST_GOODBYE), handing).await.map_err(late)?;
        taken.map_err(|error| self.refused(&error))?;
        // The letter is taken: how the conversation ends no longer matters.
        let _ = timeout(LONGEST_GOODBYE, connection.quit()).await;
        Ok(())
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let name = ClientId::default();
        let wrapped = match &self.encryption {
            Encryption::Always(tls) => Some(tls.clone()),
            Encryption::Demanded(_) | Encryption::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(LONGEST_GREETING), &name, wrapped, None).await?;
        if let Encryption::Demanded(tls) = &self.encryption {
            connection.starttls(tls.clone(), &name).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    fn refused(&self, error: &SmtpError) -> Failure {
        let text = format!("{self:?}: {error}");
        if error.is_permanent() && error.status().map(u16::from) != Some(SIGN_IN_FIRST) {
            Failure::permanent(text)
        } else {
            Failure::passing(text)
        }
    }
}

fn refuse(why: &str) -> Error {
    Error::invalid("mail.url", why)
}

/// How the connection is encrypted, and the port that is usual for it.
fn encryption(url: &Url, host: &str) -> Result<(Encryption, u16)> {
    if url.query_pairs().any(|(key, _)| key != "tls") {
        return Err(refuse("mail.url knows tls after its question mark and nothing else; leave the rest out."));
    }
    let wish = url.query_pairs().next().map(|(_, value)| value);
    let tls = || {
        TlsParameters::new(host.to_owned())
            .map_err(|_| refuse("mail.url names a host that cannot have a certificate; write its name."))
    };
    match (url.scheme(), wish.as_deref()) {
        ("smtps", None | Some("required")) => Ok((Encryption::Always(tls()?), 465)),
        ("smtp", None | Some("required")) => Ok((Encryption::Demanded(tls()?), 587)),
        ("smtp", Some("none")) if is_this_machine(host) => Ok((Encryption::None, 25)),
        ("smtp", Some("none")) => {
            Err(refuse("tls=none in mail.url is for a mail server on this machine alone; write tls=required."))
        }
        _ => Err(refuse("tls in mail.url is required or, for this machine alone, none; write tls=required.")),
    }
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn credentials(url: &Url) -> Result<Option<Credentials>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, Some(password)) if !user.is_empty() => Ok(Some(Credentials::new(decoded(user), decoded(password)))),
        _ => Err(refuse("mail.url needs a user and a password, or neither; write smtp://user:password@host:587.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::time::Time,
        mail::{Mailer, Rendered},
    };
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        net::TcpListener,
        thread::{self, JoinHandle},
    };

    /// What a server answers to a command that begins so; everything else is fine with it.
    type Answers = &'static [(&'static str, &'static str)];

    /// A server for one connection; it gives back what it was told.
    fn server(answers: Answers) -> (u16, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        (port, thread::spawn(move || talk(&listener, answers)))
    }

    fn talk(listener: &TcpListener, answers: Answers) -> Vec<String> {
        let (mut stream, _) = listener.accept().expect("a connection");
        let lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
        stream.write_all(b"220 mail.example.com\r\n").expect("a greeting");
        let (mut told, mut in_letter) = (Vec::new(), false);
        for line in lines.map_while(Result::ok) {
            told.push(line.clone());
            in_letter &= line != ".";
            if in_letter {
                continue;
            }
            let usual = match line.as_str() {
                "DATA" => "354 go on",
                hello if hello.starts_with("EHLO") => "250 AUTH PLAIN",
                _ => "250 fine",
            };
            let answer = answers.iter().find(|(command, _)| line.starts_with(command)).map_or(usual, |it| it.1);
            in_letter = answer.starts_with("354");
            if stream.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
                break;
            }
        }
        told
    }

    fn letter() -> Rendered {
        Rendered {
            notice: "delivery_01".into(),
            message_id: "<delivery_01@localhost>".into(),
            to_name: "Bob".into(),
            to_address: "bob@example.com".into(),
            at: Time::from_micros(0),
            subject: "Hello".into(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
        }
    }

    async fn sent(answers: Answers, user: &str, tls: &str) -> (Result<(), Failure>, Vec<String>) {
        let (port, told) = server(answers);
        let url = format!("smtp://{user}127.0.0.1:{port}?tls={tls}");
        let mailer = Mailer::new(&url, "tokenward@example.com").expect("a mailer");
        let outcome = mailer.send(&letter()).await;
        drop(mailer);
        (outcome, told.join().expect("a server"))
    }

    ///
    #[tokio::test]
    async fn a_letter_goes_to_one_recipient() {
        let (outcome, told) = sent(&[], "", "none").await;
        assert_eq!(outcome, Ok(()));
        let recipients: Vec<_> = told.iter().filter(|line| line.starts_with("RCPT")).collect();
        assert_eq!(recipients, ["RCPT TO:<bob@example.com>"]);
        assert!(told.contains(&"MAIL FROM:<tokenward@example.com>".to_owned()));
        assert!(told.contains(&"Message-ID: <delivery_01@localhost>".to_owned()));
    }

    ///
    #[tokio::test]
    async fn nothing_is_sent_to_a_server_that_does_not_encrypt() {
        let (outcome, told) = sent(&[], "tokenward:hunter2@", "required").await;
        let failure = outcome.expect_err("not sent");
        assert!(!failure.permanent, "{failure}");
        assert!(told.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{told:?}");
    }

    ///
    #[tokio::test]
    async fn nothing_is_sent_to_a_server_that_only_pretends_to_encrypt() {
        let (outcome, told) = sent(&[("EHLO", "250 STARTTLS"), ("STARTTLS", "220 go on")], "", "required").await;
        assert!(!outcome.expect_err("not sent").permanent);
        assert!(!told.iter().any(|line| line.starts_with("MAIL")), "{told:?}");
    }

    #[tokio::test]
    async fn a_refused_recipient_is_refused_for_good() {
        let (outcome, _) = sent(&[("RCPT", "550 5.1.1 no such\u{7} user")], "", "none").await;
        let failure = outcome.expect_err("refused");
        assert!(failure.permanent && failure.text.contains("550"), "{failure}");
        assert!(!failure.text.contains(char::is_control));
    }

    #[tokio::test]
    async fn a_busy_server_and_a_wrong_password_may_be_right_later() {
        for (answers, user) in [
            (&[("RCPT", "451 4.7.1 greylisted")] as Answers, ""),
            (&[("MAIL", "530 5.7.0 sign in first")], ""),
            (&[("AUTH", "535 5.7.8 wrong password")], "tokenward:hunter2@"),
            (&[("EHLO", "554 go away")], ""),
        ] {
            let (outcome, _) = sent(answers, user, "none").await;
            let failure = outcome.expect_err("not sent");
            assert!(!failure.permanent && !failure.text.contains("hunter2"), "{failure}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_may_be_there_later() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mailer = Mailer::new(&format!("smtp://127.0.0.1:{port}?tls=none"), "a@example.com").expect("a mailer");
        assert!(!mailer.send(&letter()).await.expect_err("nobody there").permanent);
    }
}

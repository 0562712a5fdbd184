//! Sends an email to a mail server by SMTP, encrypted unless the server is on this machine.

use super::{Cause, Failure};
use crate::domain::error::{Error, Result};
use lettre::{
    Message,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        extension::{ClientId, Extension},
    },
};
use percent_encoding::percent_decode_str;
use std::{error::Error as _, io::ErrorKind, net::IpAddr, time::Duration};
use tokio::time::timeout;
use url::{Host, Url};

/// The time limit for `QUIT`, whose result does not matter.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);
/// The first line of a certificate in PEM.
const PEM_HEADER: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// The code with which a server that shuts down answers any command.
const SERVICE_CLOSING: u16 = 421;
/// The code of a server that requires authentication, which does not concern the email.
const AUTHENTICATION_REQUIRED: u16 = 530;

/// A mail server and the credentials for it.
pub(super) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<Credentials>,
}

enum Encryption {
    /// No encryption, only for this machine.
    None,
    /// STARTTLS before authentication and the email, which are not sent without it.
    StartTls(TlsParameters),
    /// TLS from the first byte.
    Implicit(TlsParameters),
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}:{})", self.host, self.port)
    }
}

impl Server {
    /// Parses `smtp://user:password@host:587?tls=required&ca=/file.pem` or `smtps://user:password@host`.
    pub(super) fn new(url: &str) -> Result<Self> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "smtp" | "smtps"));
        let url = url.ok_or_else(|| {
            invalid_url("mail.url is not valid; write one such as smtp://user:password@host:587 or file:///folder.")
        })?;
        let host = match url.host() {
            // The library keeps a non-ASCII host of this scheme percent-encoded.
            Some(Host::Domain(name)) if !name.is_empty() => {
                let name = percent_decode_str(name).decode_utf8_lossy();
                idna::domain_to_ascii(&name)
                    .map_err(|_| invalid_url("mail.url contains an invalid host; write its name or address."))?
            }
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(invalid_url("mail.url names no host; write one such as smtp://user:password@host:587.")),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(invalid_url(
                "mail.url has a path or a # after its host; leave it out, and in the password write %2F for / and %23 for #.",
            ));
        }
        let (encryption, default_port) = encryption(&url, &host)?;
        Ok(Self { port: url.port().unwrap_or(default_port), credentials: credentials(&url)?, encryption, host })
    }

    /// Sends one email within `limit`.
    pub(super) async fn send(&self, message: &Message, limit: Duration) -> Result<(), Failure> {
        let delivered = timeout(limit, self.deliver(message)).await;
        let timed_out = |_| Failure::new(Cause::Timeout, format!("{self:?} did not answer in time"));
        let mut connection = delivered.map_err(timed_out)??;
        // The email is accepted; the end of the connection does not matter.
        let _ = timeout(QUIT_TIMEOUT, connection.quit()).await;
        Ok(())
    }

    async fn deliver(&self, message: &Message) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = self.open().await?;
        if !message.envelope().to().iter().all(|to| to.user().is_ascii())
            && !connection.server_info().supports_feature(Extension::SmtpUtfEight)
        {
            connection.abort().await;
            let text = "the server accepts only ASCII characters before the @ of an address (no SMTPUTF8)";
            return Err(Failure::permanent(format!("{self:?}: {text}")));
        }
        let taken = connection.send(message.envelope(), &message.formatted()).await;
        taken.map_err(|error| self.failed(cause(&error), &error))?;
        Ok(connection)
    }

    /// Connects and authenticates. A failure here does not concern the email.
    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let name = ClientId::default();
        let wrapped = match &self.encryption {
            Encryption::Implicit(tls) => Some(tls.clone()),
            Encryption::StartTls(_) | Encryption::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let opened = AsyncSmtpConnection::connect_tokio1(server, None, &name, wrapped, None).await;
        let mut connection = opened.map_err(|error| self.failed(connection_cause(&error), &error))?;
        if let Encryption::StartTls(tls) = &self.encryption {
            let encrypted = connection.starttls(tls.clone(), &name).await;
            encrypted.map_err(|error| self.failed(Cause::Encryption, &error))?;
        }
        if let Some(credentials) = &self.credentials {
            let authenticated = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            authenticated.map_err(|error| self.authentication_failed(&error))?;
        }
        Ok(connection)
    }

    /// Returns the failure without the server's response, which may repeat the credentials.
    fn authentication_failed(&self, error: &SmtpError) -> Failure {
        let text = match error.status() {
            Some(code) => format!("{self:?} rejected the user and password of mail.url with code {code}"),
            None => format!("{self:?} did not accept the user and password of mail.url"),
        };
        Failure::new(Cause::Authentication, text)
    }

    fn failed(&self, cause: Cause, error: &SmtpError) -> Failure {
        Failure::new(cause, format!("{self:?}: {error}"))
    }
}

/// Returns the cause of a failed connection. The library reports a rejected certificate only in the source of the error.
fn connection_cause(error: &SmtpError) -> Cause {
    let sources = std::iter::successors(error.source(), |&error| error.source());
    let io = sources.filter_map(|error| error.downcast_ref::<std::io::Error>());
    if io.map(std::io::Error::kind).any(|kind| kind == ErrorKind::InvalidData) {
        Cause::Encryption
    } else {
        Cause::Unreachable
    }
}

/// Returns the cause of a failed email, from the server's response or the lack of one.
fn cause(error: &SmtpError) -> Cause {
    match error.status().map(u16::from) {
        Some(SERVICE_CLOSING) => Cause::Unreachable,
        Some(AUTHENTICATION_REQUIRED) => Cause::Authentication,
        Some(_) if error.is_permanent() => Cause::Refused,
        Some(_) => Cause::Deferred,
        // The library itself may find that this server does not support this email.
        None if error.is_client() => Cause::Deferred,
        None => Cause::Unreachable,
    }
}

fn invalid_url(message: &str) -> Error {
    Error::invalid("mail.url", message)
}

/// Returns the encryption of the connection and its default port.
fn encryption(url: &Url, host: &str) -> Result<(Encryption, u16)> {
    let (mut tls_mode, mut ca) = (None, None);
    for (key, value) in url.query_pairs() {
        let slot = match &*key {
            "tls" => &mut tls_mode,
            "ca" => &mut ca,
            _ => {
                let message = "mail.url supports only the parameters tls and ca; remove the others.";
                return Err(invalid_url(message));
            }
        };
        if slot.replace(value).is_some() {
            return Err(invalid_url("mail.url contains a parameter twice; remove one."));
        }
    }
    match (url.scheme(), tls_mode.as_deref()) {
        ("smtps", None | Some("required")) => Ok((Encryption::Implicit(tls_parameters(host, ca.as_deref())?), 465)),
        ("smtp", None | Some("required")) => Ok((Encryption::StartTls(tls_parameters(host, ca.as_deref())?), 587)),
        ("smtp", Some("none")) if ca.is_some() => {
            Err(invalid_url("mail.url contains ca, but tls=none; remove ca, or write tls=required."))
        }
        ("smtp", Some("none")) if is_local_host(host) => Ok((Encryption::None, 25)),
        ("smtp", Some("none")) => {
            Err(invalid_url("tls=none in mail.url is for a mail server on this machine alone; write tls=required."))
        }
        _ => Err(invalid_url("tls in mail.url is required or, for this machine alone, none; write tls=required.")),
    }
}

/// Returns the TLS parameters, which trust only the certificate authority in the file, or those that browsers trust if there
/// is no file.
fn tls_parameters(host: &str, ca: Option<&str>) -> Result<TlsParameters> {
    let mut tls = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca {
        tls = tls.certificate_store(CertificateStore::None).add_root_certificate(certificates(path)?);
    }
    let invalid_host = "mail.url names a host that cannot have a certificate, or a ca that is none; write its name.";
    tls.build().map_err(|_| invalid_url(invalid_host))
}

fn certificates(path: &str) -> Result<Certificate> {
    let pem = std::fs::read(path)
        .map_err(|error| invalid_url(&format!("The file that ca in mail.url names cannot be read: {error}.")))?;
    let no_certificate =
        || invalid_url("The file that ca in mail.url names contains no certificate in PEM format; add one.");
    if !pem.windows(PEM_HEADER.len()).any(|part| part == PEM_HEADER) {
        return Err(no_certificate());
    }
    Certificate::from_pem(&pem).map_err(|_| no_certificate())
}

fn is_local_host(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn credentials(url: &Url) -> Result<Option<Credentials>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, Some(password)) if !user.is_empty() => Ok(Some(Credentials::new(decoded(user), decoded(password)))),
        _ => Err(invalid_url("mail.url needs a user and a password, or neither; write smtp://user:password@host:587.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::MailTarget,
        domain::time::Time,
        mail::{Mailer, RenderedEmail},
    };
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        net::TcpListener,
        thread::{self, JoinHandle},
    };

    /// The server's responses by the beginning of the command; it accepts all other commands.
    type Responses = &'static [(&'static str, &'static str)];

    /// Starts a server for one connection, which returns the lines that it received.
    fn server(responses: Responses) -> (u16, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        (port, thread::spawn(move || respond(&listener, responses)))
    }

    fn respond(listener: &TcpListener, responses: Responses) -> Vec<String> {
        let (mut stream, _) = listener.accept().expect("a connection");
        let lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
        stream.write_all(b"220 mail.example.com\r\n").expect("a greeting");
        let (mut received, mut in_data) = (Vec::new(), false);
        for line in lines.map_while(Result::ok) {
            received.push(line.clone());
            in_data &= line != ".";
            if in_data {
                continue;
            }
            let default = match line.as_str() {
                "DATA" => "354 go on",
                hello if hello.starts_with("EHLO") => "250 AUTH PLAIN",
                _ => "250 fine",
            };
            let response = responses.iter().find(|(command, _)| line.starts_with(command)).map_or(default, |it| it.1);
            in_data = response.starts_with("354");
            if stream.write_all(format!("{response}\r\n").as_bytes()).is_err() {
                break;
            }
        }
        received
    }

    fn email() -> RenderedEmail {
        RenderedEmail {
            notification_id: "delivery_01".into(),
            message_id: "<delivery_01@localhost>".into(),
            to_name: "Bob".into(),
            to_address: "bob@example.com".into(),
            at: Time::from_micros(0),
            subject: "Hello".into(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
        }
    }

    fn mailer(url: &str, from: &str) -> Mailer {
        MailTarget::parse(url).and_then(|target| Mailer::new(&target, from)).expect("a mailer")
    }

    async fn sent(responses: Responses, user: &str, tls: &str) -> (Result<(), Failure>, Vec<String>) {
        let (port, received) = server(responses);
        let url = format!("smtp://{user}127.0.0.1:{port}?tls={tls}");
        let mailer = mailer(&url, "tokenward@example.com");
        let outcome = mailer.send(&email()).await;
        drop(mailer);
        (outcome, received.join().expect("a server"))
    }

    ///
    #[tokio::test]
    async fn email_has_one_recipient() {
        let (outcome, received) = sent(&[], "", "none").await;
        assert_eq!(outcome, Ok(()));
        let recipients: Vec<_> = received.iter().filter(|line| line.starts_with("RCPT")).collect();
        assert_eq!(recipients, ["RCPT TO:<bob@example.com>"]);
        assert!(received.contains(&"MAIL FROM:<tokenward@example.com>".to_owned()));
        assert!(received.contains(&"Message-ID: <delivery_01@localhost>".to_owned()));
    }

    ///
    #[tokio::test]
    async fn nothing_is_sent_without_starttls() {
        let (outcome, received) = sent(&[], "tokenward:hunter2@", "required").await;
        let failure = outcome.expect_err("not sent");
        assert!(!failure.is_permanent(), "{failure}");
        assert!(received.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{received:?}");
    }

    ///
    #[tokio::test]
    async fn no_email_is_sent_after_failed_tls_handshake() {
        let (outcome, received) = sent(&[("EHLO", "250 STARTTLS"), ("STARTTLS", "220 go on")], "", "required").await;
        assert!(!outcome.expect_err("not sent").is_permanent());
        assert!(!received.iter().any(|line| line.starts_with("MAIL")), "{received:?}");
    }

    #[tokio::test]
    async fn rejected_recipient_is_a_permanent_failure() {
        let (outcome, _) = sent(&[("RCPT", "550 5.1.1 no such\u{7} user")], "", "none").await;
        let failure = outcome.expect_err("a rejected recipient");
        assert!(failure.is_permanent() && failure.text.contains("550"), "{failure}");
        assert!(!failure.text.contains(char::is_control));
    }

    #[tokio::test]
    async fn deferral_and_wrong_password_are_temporary_failures() {
        for (responses, user) in [
            (&[("RCPT", "451 4.7.1 greylisted")] as Responses, ""),
            (&[("MAIL", "530 5.7.0 sign in first")], ""),
            (&[("AUTH", "535 5.7.8 wrong password hunter2")], "tokenward:hunter2@"),
            (&[("EHLO", "554 go away")], ""),
        ] {
            let (outcome, _) = sent(responses, user, "none").await;
            let failure = outcome.expect_err("not sent");
            assert!(!failure.is_permanent() && !failure.text.contains("hunter2"), "{failure}");
        }
    }

    #[tokio::test]
    async fn unreachable_server_is_a_temporary_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mailer = mailer(&format!("smtp://127.0.0.1:{port}?tls=none"), "a@example.com");
        assert!(!mailer.send(&email()).await.expect_err("no server").is_permanent());
    }
}

//! An SMTP server that accepts emails, or misbehaves at one step of its sessions as a test requires.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, rustls};

/// The steps of an SMTP session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Connect,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The dot after the message.
    Message,
    Other,
}

/// A fault at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Another reply. A message with this reply is not stored.
    Reply(&'static str),
    /// No reply until the fault changes. The message is stored.
    Hang,
    /// No reply, and the connection is closed. The message is stored.
    Disconnect,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredEmail {
    pub(crate) recipients: Vec<String>,
    pub(crate) source: String,
}

impl StoredEmail {
    /// Returns the values of all headers with a name.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let head = self.source.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        head.split("\r\n").filter_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned)).collect()
    }

    pub(crate) fn message_id(&self) -> String {
        self.headers("Message-ID").concat()
    }
}

/// The encryption of sessions.
#[derive(Clone)]
pub(crate) enum Encryption {
    Plain,
    /// After STARTTLS.
    StartTls(TlsAcceptor),
    /// From the first byte.
    Tls(TlsAcceptor),
}

/// An SMTP server; dropping it stops the server.
pub(crate) struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    encryption: Encryption,
    fault: watch::Sender<Option<(Step, Fault)>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stored: Vec<StoredEmail>,
    commands: Vec<String>,
    hanging: usize,
}

impl SmtpServer {
    /// Starts a server on its own port.
    pub(crate) async fn start(encryption: Encryption) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { encryption, fault: watch::Sender::new(None), state: Mutex::default() });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, _server: server }
    }

    /// Returns a value of `mail.url`: the part before the host, such as `smtp://`, the host, and the query.
    pub(crate) fn url(&self, before: &str, query: &str) -> String {
        format!("{before}{}?{query}", self.address)
    }

    /// Returns its URL without encryption.
    pub(crate) fn plain_url(&self) -> String {
        self.url("smtp://", "tls=none")
    }

    /// Sets the fault, and ends the sessions that hang at another step.
    pub(crate) fn set_fault(&self, step: Step, fault: Fault) {
        self.shared.fault.send_replace(Some((step, fault)));
    }

    /// Removes the fault.
    pub(crate) fn clear_fault(&self) {
        self.shared.fault.send_replace(None);
    }

    /// Returns all stored messages.
    pub(crate) fn stored(&self) -> Vec<StoredEmail> {
        self.shared.state.lock().unwrap().stored.clone()
    }

    /// Returns all received commands, without the messages; encrypted ones have the prefix `*`.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.shared.state.lock().unwrap().commands.clone()
    }

    /// Returns the number of received commands that start with `prefix`.
    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.commands().iter().filter(|line| line.trim_start_matches('*').starts_with(prefix)).count()
    }

    /// Returns the number of sessions that hang now.
    pub(crate) fn hanging(&self) -> usize {
        self.shared.state.lock().unwrap().hanging
    }

    /// Waits until the condition holds, for at most 30 seconds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "not within 30 s: {what}; received {:?}",
                self.commands()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until `count` messages are stored, and returns all of them.
    pub(crate) async fn emails(&self, count: usize) -> Vec<StoredEmail> {
        self.until(&format!("{count} emails"), |server| server.stored().len() >= count).await;
        self.stored()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // An error ends this session only.
        sessions.spawn(async move { drop(Session { shared, encrypted: false }.run(stream).await) });
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

type Connection = BufReader<Box<dyn Stream>>;

struct Session {
    shared: Arc<Shared>,
    encrypted: bool,
}

impl Session {
    async fn run(mut self, stream: TcpStream) -> io::Result<()> {
        let mut connection: Connection = match self.shared.encryption.clone() {
            Encryption::Tls(acceptor) => {
                self.encrypted = true;
                BufReader::new(Box::new(acceptor.accept(stream).await?))
            }
            Encryption::Plain | Encryption::StartTls(_) => BufReader::new(Box::new(stream)),
        };
        self.reply(&mut connection, Step::Connect, "220 post.example.test").await?;
        let mut recipients = Vec::new();
        loop {
            let line = next_line(&mut connection).await?;
            self.note(&line);
            let command = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let (step, usual) = match command.as_str() {
                "EHLO" => (Step::Ehlo, self.greeting()),
                "STARTTLS" => (Step::StartTls, "220 go on"),
                "AUTH" => (Step::Auth, "235 welcome"),
                "MAIL" => (Step::Mail, "250 fine"),
                "RCPT" => (Step::Rcpt, "250 fine"),
                "DATA" => (Step::Data, "354 go on"),
                "QUIT" => (Step::Other, "221 bye"),
                _ => (Step::Other, "250 fine"),
            };
            let as_usual = self.reply(&mut connection, step, usual).await?;
            match (step, self.shared.encryption.clone()) {
                (Step::StartTls, Encryption::StartTls(acceptor)) if as_usual => {
                    connection = BufReader::new(Box::new(acceptor.accept(connection.into_inner()).await?));
                    self.encrypted = true;
                }
                (Step::Rcpt, _) => recipients.extend(line.split(['<', '>']).nth(1).map(str::to_owned)),
                (Step::Data, _) if as_usual => self.receive(&mut connection, std::mem::take(&mut recipients)).await?,
                _ if command == "QUIT" => return Ok(()),
                _ => {}
            }
        }
    }

    async fn receive(&self, connection: &mut Connection, recipients: Vec<String>) -> io::Result<()> {
        let email = StoredEmail { recipients, source: message(connection).await? };
        if !matches!(self.fault_at(Step::Message), Some(Fault::Reply(_))) {
            self.shared.state.lock().unwrap().stored.push(email);
        }
        self.reply(connection, Step::Message, "250 kept").await.map(|_| ())
    }

    fn greeting(&self) -> &'static str {
        match self.shared.encryption {
            Encryption::StartTls(_) if !self.encrypted => "250-post.example.test\r\n250 STARTTLS",
            _ => "250-post.example.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN",
        }
    }

    fn fault_at(&self, step: Step) -> Option<Fault> {
        self.shared.fault.borrow().filter(|(at, _)| *at == step).map(|(_, fault)| fault)
    }

    /// Sends the usual reply or applies the fault; returns whether the reply was the usual one.
    async fn reply(&self, connection: &mut Connection, step: Step, usual: &str) -> io::Result<bool> {
        let reply = match self.fault_at(step) {
            None => usual,
            Some(Fault::Reply(other)) => other,
            Some(Fault::Hang) => return self.hang(connection).await,
            Some(Fault::Disconnect) => return Err(io::ErrorKind::ConnectionAborted.into()),
        };
        connection.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await?;
        connection.get_mut().flush().await?;
        Ok(reply == usual)
    }

    /// Sends nothing until the fault changes or the client disconnects, which ends the session.
    async fn hang(&self, connection: &mut Connection) -> io::Result<bool> {
        let mut fault = self.shared.fault.subscribe();
        self.shared.state.lock().unwrap().hanging += 1;
        let left = async {
            let mut line = String::new();
            while connection.read_line(&mut line).await.is_ok_and(|read| read > 0) {}
        };
        tokio::select! {
            _ = fault.changed() => {}
            () = left => {}
        }
        self.shared.state.lock().unwrap().hanging -= 1;
        Err(io::ErrorKind::TimedOut.into())
    }

    fn note(&self, line: &str) {
        let mark = if self.encrypted { "*" } else { "" };
        self.shared.state.lock().unwrap().commands.push(format!("{mark}{line}"));
    }
}

async fn next_line(connection: &mut Connection) -> io::Result<String> {
    let mut line = String::new();
    match connection.read_line(&mut line).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

/// Reads a message up to the dot.
async fn message(connection: &mut Connection) -> io::Result<String> {
    let mut source = String::new();
    loop {
        let line = next_line(connection).await?;
        if line == "." {
            return Ok(source);
        }
        source.push_str(line.strip_prefix('.').unwrap_or(&line));
        source.push_str("\r\n");
    }
}

/// A certificate authority.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    /// Creates an authority and writes its certificate to a file in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let mut about = CertificateParams::new(Vec::new()).unwrap();
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        about.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(about, KeyPair::generate().unwrap()).unwrap();
        let file = folder.join(format!("{}.pem", uuid::Uuid::new_v4()));
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// Returns the path of its certificate.
    pub(crate) fn file(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// Returns a TLS acceptor with a certificate for a host name, issued by this authority.
    pub(crate) fn certify(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        acceptor(certificate.der().clone(), key)
    }
}

/// Returns a TLS acceptor with a self-signed certificate for a host name.
pub(crate) fn self_signed(name: &str) -> TlsAcceptor {
    let signed = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    acceptor(signed.cert.der().clone(), signed.signing_key)
}

fn acceptor(certificate: rustls::pki_types::CertificateDer<'static>, key: KeyPair) -> TlsAcceptor {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

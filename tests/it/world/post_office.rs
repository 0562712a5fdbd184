//! Who takes the letters? A real mail server on this machine that answers as usual, or at one step of its conversations
//! does what a test tells it.

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

/// The steps of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Connect,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The dot behind the letter.
    Letter,
    Other,
}

/// What is done at a step instead of the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Another answer; a letter that is answered so is not kept.
    Say(&'static str),
    /// None, until something else is to be done. A letter is kept all the same.
    Hang,
    /// None, and the line is cut. A letter is kept all the same.
    Cut,
}

/// A letter that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) recipients: Vec<String>,
    pub(crate) source: String,
}

impl Kept {
    /// What stands in a header, however many of that name there are.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let head = self.source.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        head.split("\r\n").filter_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned)).collect()
    }

    /// By what a repeat is recognised.
    pub(crate) fn message_id(&self) -> String {
        self.headers("Message-ID").concat()
    }
}

/// How conversations are encrypted.
#[derive(Clone)]
pub(crate) enum Line {
    Plain,
    /// After STARTTLS.
    Upgraded(TlsAcceptor),
    /// From the first byte on.
    Encrypted(TlsAcceptor),
}

/// A mail server; it ends with this value.
pub(crate) struct PostOffice {
    address: SocketAddr,
    inside: Arc<Inside>,
    _server: JoinSet<()>,
}

struct Inside {
    line: Line,
    manner: watch::Sender<Option<(Step, Act)>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Vec<Kept>,
    told: Vec<String>,
    hanging: usize,
}

impl PostOffice {
    /// Opens one on a port of its own.
    pub(crate) async fn open(line: Line) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inside = Arc::new(Inside { line, manner: watch::Sender::new(None), state: Mutex::default() });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&inside)));
        Self { address, inside, _server: server }
    }

    /// Its address, as `mail.url` takes it: `smtp://` and what stands before the host, then what stands after the `?`.
    pub(crate) fn url(&self, before: &str, query: &str) -> String {
        format!("{before}{}?{query}", self.address)
    }

    /// Its address without encryption.
    pub(crate) fn plain_url(&self) -> String {
        self.url("smtp://", "tls=none")
    }

    /// From now on something else is done at a step. Whoever hangs at another is let go.
    pub(crate) fn at(&self, step: Step, act: Act) {
        self.inside.manner.send_replace(Some((step, act)));
    }

    /// From now on everything is done as usual.
    pub(crate) fn as_usual(&self) {
        self.inside.manner.send_replace(None);
    }

    /// All letters that were kept.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.inside.state.lock().unwrap().kept.clone()
    }

    /// Everything that it was told, the letters left out; what was encrypted has a `*` before it.
    pub(crate) fn told(&self) -> Vec<String> {
        self.inside.state.lock().unwrap().told.clone()
    }

    /// How many lines it was told that begin so.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        self.told().iter().filter(|line| line.trim_start_matches('*').starts_with(beginning)).count()
    }

    /// How many conversations hang at this moment.
    pub(crate) fn hanging(&self) -> usize {
        self.inside.state.lock().unwrap().hanging
    }

    /// Waits until that holds; a busy machine may take its time.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "not within 30 s: {what}; it was told {:?}",
                self.told()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The letters that were kept, once there are so many.
    pub(crate) async fn letters(&self, count: usize) -> Vec<Kept> {
        self.until(&format!("{count} letters"), |office| office.kept().len() >= count).await;
        self.kept()
    }
}

async fn serve(listener: TcpListener, inside: Arc<Inside>) {
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let inside = Arc::clone(&inside);
        // A client that leaves ends its conversation, and nothing else.
        conversations.spawn(async move { drop(Conversation { inside, encrypted: false }.hold(stream).await) });
    }
}

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

type Wires = BufReader<Box<dyn Wire>>;

struct Conversation {
    inside: Arc<Inside>,
    encrypted: bool,
}

impl Conversation {
    async fn hold(mut self, stream: TcpStream) -> io::Result<()> {
        let mut wire: Wires = match self.inside.line.clone() {
            Line::Encrypted(acceptor) => {
                self.encrypted = true;
                BufReader::new(Box::new(acceptor.accept(stream).await?))
            }
            Line::Plain | Line::Upgraded(_) => BufReader::new(Box::new(stream)),
        };
        self.answer(&mut wire, Step::Connect, "220 post.example.test").await?;
        let mut recipients = Vec::new();
        loop {
            let line = next_line(&mut wire).await?;
            self.note(&line);
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let (step, usual) = match verb.as_str() {
                "EHLO" => (Step::Ehlo, self.greeting()),
                "STARTTLS" => (Step::StartTls, "220 go on"),
                "AUTH" => (Step::Auth, "235 welcome"),
                "MAIL" => (Step::Mail, "250 fine"),
                "RCPT" => (Step::Rcpt, "250 fine"),
                "DATA" => (Step::Data, "354 go on"),
                "QUIT" => (Step::Other, "221 bye"),
                _ => (Step::Other, "250 fine"),
            };
            let as_usual = self.answer(&mut wire, step, usual).await?;
            match (step, self.inside.line.clone()) {
                (Step::StartTls, Line::Upgraded(acceptor)) if as_usual => {
                    wire = BufReader::new(Box::new(acceptor.accept(wire.into_inner()).await?));
                    self.encrypted = true;
                }
                (Step::Rcpt, _) => recipients.extend(line.split(['<', '>']).nth(1).map(str::to_owned)),
                (Step::Data, _) if as_usual => self.receive(&mut wire, std::mem::take(&mut recipients)).await?,
                _ if verb == "QUIT" => return Ok(()),
                _ => {}
            }
        }
    }

    async fn receive(&self, wire: &mut Wires, recipients: Vec<String>) -> io::Result<()> {
        let kept = Kept { recipients, source: letter(wire).await? };
        if !matches!(self.manner_at(Step::Letter), Some(Act::Say(_))) {
            self.inside.state.lock().unwrap().kept.push(kept);
        }
        self.answer(wire, Step::Letter, "250 kept").await.map(|_| ())
    }

    fn greeting(&self) -> &'static str {
        match self.inside.line {
            Line::Upgraded(_) if !self.encrypted => "250-post.example.test\r\n250 STARTTLS",
            _ => "250-post.example.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN",
        }
    }

    fn manner_at(&self, step: Step) -> Option<Act> {
        self.inside.manner.borrow().filter(|(at, _)| *at == step).map(|(_, act)| act)
    }

    /// Answers as usual, or otherwise; tells whether it was as usual.
    async fn answer(&self, wire: &mut Wires, step: Step, usual: &str) -> io::Result<bool> {
        let answer = match self.manner_at(step) {
            None => usual,
            Some(Act::Say(other)) => other,
            Some(Act::Hang) => return self.hang(wire).await,
            Some(Act::Cut) => return Err(io::ErrorKind::ConnectionAborted.into()),
        };
        wire.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await?;
        wire.get_mut().flush().await?;
        Ok(answer == usual)
    }

    /// Says nothing until something else is to be done or the client leaves; then the conversation is over.
    async fn hang(&self, wire: &mut Wires) -> io::Result<bool> {
        let mut manner = self.inside.manner.subscribe();
        self.inside.state.lock().unwrap().hanging += 1;
        let left = async {
            let mut line = String::new();
            while wire.read_line(&mut line).await.is_ok_and(|read| read > 0) {}
        };
        tokio::select! {
            _ = manner.changed() => {}
            () = left => {}
        }
        self.inside.state.lock().unwrap().hanging -= 1;
        Err(io::ErrorKind::TimedOut.into())
    }

    fn note(&self, line: &str) {
        let mark = if self.encrypted { "*" } else { "" };
        self.inside.state.lock().unwrap().told.push(format!("{mark}{line}"));
    }
}

async fn next_line(wire: &mut Wires) -> io::Result<String> {
    let mut line = String::new();
    match wire.read_line(&mut line).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

/// Reads until the dot.
async fn letter(wire: &mut Wires) -> io::Result<String> {
    let mut source = String::new();
    loop {
        let line = next_line(wire).await?;
        if line == "." {
            return Ok(source);
        }
        source.push_str(line.strip_prefix('.').unwrap_or(&line));
        source.push_str("\r\n");
    }
}

/// Who vouches for servers.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    /// A new one, with its certificate in a file below that folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let mut about = CertificateParams::new(Vec::new()).unwrap();
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        about.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(about, KeyPair::generate().unwrap()).unwrap();
        let file = folder.join(format!("{}.pem", uuid::Uuid::new_v4()));
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// Where its certificate is.
    pub(crate) fn file(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// Encrypts as a server of that name, which this authority vouches for.
    pub(crate) fn vouches_for(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        acceptor(certificate.der().clone(), key)
    }
}

/// Encrypts as a server of that name that vouches for itself.
pub(crate) fn self_signed(name: &str) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    acceptor(made.cert.der().clone(), made.signing_key)
}

fn acceptor(certificate: rustls::pki_types::CertificateDer<'static>, key: KeyPair) -> TlsAcceptor {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

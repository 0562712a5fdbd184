//! Fetches a key set from a URL with one request, which is limited in time and size and follows no redirect.

use super::jwks_source::LARGEST;
use crate::domain::error::{Error, Result};
use futures_util::future::{Either, select};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Request, StatusCode, Uri,
    body::Bytes,
    client::conn::http1,
    header::{ACCEPT, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use std::{fmt, iter::successors, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use url::{Position, Url};

/// The time limit for the whole request.
const LIMIT: Duration = Duration::from_secs(5);
/// The maximum size of a response head, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// A client for the URL of a key set. Its `Display` output omits the path and the query, which may be secret.
pub(super) struct Address {
    name: String,
    host: String,
    port: u16,
    authority: String,
    path: Uri,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Address {
    /// Parses a URL such as `https://id.example.com/jwks.json`. The server needs a certificate of a public certificate authority.
    pub(super) fn new(url: &str) -> Result<Self> {
        let trusted = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::trusting(url, trusted)
    }

    fn trusting(url: &str, trusted: RootCertStore) -> Result<Self> {
        let refuse = || {
            let why = "auth.jwt.jwks_url is no address of a key set; write one such as \
                       https://id.example.com/.well-known/jwks.json.";
            Error::invalid("auth.jwt.jwks_url", why)
        };
        let url = Url::parse(url).map_err(|_| refuse())?;
        let host = url.host_str().ok_or_else(refuse)?;
        let bare = host.trim_matches(['[', ']']).to_owned();
        let tls = match url.scheme() {
            "http" => None,
            "https" => Some((connector(trusted)?, ServerName::try_from(bare.clone()).map_err(|_| refuse())?)),
            _ => return Err(refuse()),
        };
        Ok(Self {
            name: url[..Position::AfterPort].to_owned(),
            port: url.port_or_known_default().ok_or_else(refuse)?,
            authority: url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            path: url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| refuse())?,
            host: bare,
            tls,
        })
    }

    /// Returns the response body, or why it cannot be used.
    pub(super) async fn ask(&self) -> Result<Vec<u8>, String> {
        let late = || format!("did not answer within {} s", LIMIT.as_secs());
        timeout(LIMIT, self.connect()).await.unwrap_or_else(|_| Err(late()))
    }

    async fn connect(&self) -> Result<Vec<u8>, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(failed)?;
        match &self.tls {
            None => self.talk(stream).await,
            Some((connector, name)) => self.talk(connector.connect(name.clone(), stream).await.map_err(failed)?).await,
        }
    }

    async fn talk(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Vec<u8>, String> {
        let (mut sender, connection) =
            http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let request = Request::get(self.path.clone())
            .header(HOST, &self.authority)
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, concat!("tokenward/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(failed)?;
        let answer = pin!(async {
            let answer = sender.send_request(request).await.map_err(failed)?;
            if answer.status() != StatusCode::OK {
                return Err(format!("answered {}", answer.status().as_u16()));
            }
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            Ok(body.map_err(failed)?.to_bytes().to_vec())
        });
        // The connection drives the request, and may end before the whole body is read.
        match select(answer, pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_, answer)) => answer.await,
        }
    }
}

fn connector(trusted: RootCertStore) -> Result<TlsConnector> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Bug(error.to_string().into()))?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(tls)))
}

/// Returns an error message with all causes, since the outermost error alone is not specific.
fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> String {
    let error = error.into();
    let outermost: &(dyn std::error::Error + 'static) = &*error;
    let all: Vec<_> = successors(Some(outermost), |error| error.source()).map(ToString::to_string).collect();
    format!("failed: {}", all.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{
            ServerConfig,
            pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        },
    };

    /// A self-signed certificate of `localhost` and its key, which only this test trusts.
    const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBvDCCAWKgAwIBAgIUEWejl2JzYiP0F9mW1edzMzmcCLIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTE5MjEyOFoYDzIxMjYxMTAx
MTkyMTI4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQpLnhMKDQxlG56Osh19oZMJojEo8Y8G5gYH8lSNWKpGIuqY1KKQ1q2
LDq/Qxvn7Xz6tiiv4W3wh//iC0IhrrE7o4GPMIGMMB0GA1UdDgQWBBSmc6R0KRge
PD6VFpB4vDzzKIphVjAfBgNVHSMEGDAWgBSmc6R0KRgePD6VFpB4vDzzKIphVjAa
BgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwDAYDVR0TAQH/BAIwADALBgNVHQ8E
BAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwEwCgYIKoZIzj0EAwIDSAAwRQIgGuMO
xRTySIXlZuEEShNnkwP762xtJpjYLr0QwAZU4oACIQCArV9ledYxpHlFrn2UO4LB
2lxlKDgprsEAf6yK4f4Pqg==
-----END CERTIFICATE-----";
    const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbGH8a0Sf/eXi9NZw
VHdtxwhnD4Kky1ff0p7CwoO44HOhRANCAAQpLnhMKDQxlG56Osh19oZMJojEo8Y8
G5gYH8lSNWKpGIuqY1KKQ1q2LDq/Qxvn7Xz6tiiv4W3wh//iC0IhrrE7
-----END PRIVATE KEY-----";

    async fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let host = format!("localhost:{}", listener.local_addr().expect("an address").port());
        (listener, host)
    }

    /// Sends this response to one request, waits until the client closes the connection, and returns the request.
    async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> String {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { break };
            request.push(byte);
        }
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.flush().await;
        let _ = stream.read_u8().await;
        String::from_utf8(request).expect("UTF-8")
    }

    /// Returns the result of a fetch that gets this response, and the request.
    async fn asked(answer: &str) -> (Result<Vec<u8>, String>, String) {
        let (listener, host) = listener().await;
        let address = Address::new(&format!("http://{host}/realms/a/certs?client=hunter2")).expect("an address");
        let serving = async { serve(listener.accept().await.expect("a connection").0, answer).await };
        let (answered, request) = tokio::join!(address.ask(), serving);
        assert!(!address.to_string().contains("hunter2"), "{address}");
        (answered, request.replace(&host, "HOST"))
    }

    #[tokio::test]
    async fn client_sends_one_request_and_returns_the_body() {
        let (answer, request) = asked("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}").await;
        assert_eq!(answer.as_deref(), Ok(&b"{\"keys\":[]}"[..]));
        let request = request.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(request.replace("\r\n", "\n").trim(), @"
        GET /realms/a/certs?client=hunter2 HTTP/1.1
        host: HOST
        accept: application/jwk-set+json, application/json
        user-agent: tokenward/VERSION
        ");
        let (answer, _) = asked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").await;
        assert_eq!(answer.as_deref(), Ok(&b"{}"[..]));
    }

    #[tokio::test]
    async fn only_small_responses_with_status_200_are_accepted() {
        let large = "x".repeat(LARGEST + 1);
        for (answer, why) in [
            ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".into(), "answered 302"),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}".into(), "answered 404"),
            ("HTTP/1.1 204 No Content\r\n\r\n".into(), "answered 204"),
            (format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{large}", large.len()), "length limit exceeded"),
            (
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}", large.len()),
                "length limit exceeded",
            ),
            (format!("HTTP/1.1 200 OK\r\nX: {large}\r\n\r\n"), "failed"),
            ("SSH-2.0-OpenSSH\r\n\r\n".into(), "failed"),
        ] {
            let refused = asked(&answer).await.0.expect_err("no key set");
            assert!(refused.contains(why), "{answer:.60}: {refused}");
        }
    }

    #[tokio::test]
    async fn slow_response_times_out() {
        let slow = ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"];
        for (answer, _) in join_all(slow.map(asked)).await {
            assert_eq!(answer, Err("did not answer within 5 s".into()));
        }
    }

    #[tokio::test]
    async fn refused_connection_is_reported() {
        let (listener, host) = listener().await;
        drop(listener);
        let why = Address::new(&format!("http://{host}/"))
            .expect("an address")
            .ask()
            .await
            .expect_err("a refused connection");
        assert!(why.contains("refused"), "{why}");
    }

    #[tokio::test]
    async fn https_server_needs_a_trusted_certificate_for_its_name() {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .expect("a certificate with its key");
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let mut trusted = RootCertStore::empty();
        trusted.add(certificate).expect("a root");
        for (name, trusted, expected) in [
            ("localhost", Some(trusted.clone()), Ok(b"{}".to_vec())),
            ("127.0.0.1", Some(trusted.clone()), Ok(b"{}".to_vec())),
            ("[::ffff:127.0.0.1]", Some(trusted), Err("not valid for name")),
            ("localhost", None, Err("UnknownIssuer")),
        ] {
            let (listener, host) = listener().await;
            let url = format!("https://{}/jwks.json", host.replace("localhost", name));
            let address = match trusted {
                Some(trusted) => Address::trusting(&url, trusted),
                None => Address::new(&url),
            };
            let serving = async {
                let stream = listener.accept().await.expect("a connection").0;
                let stream = acceptor.accept(stream).await.ok()?;
                Some(serve(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await)
            };
            let asking = async { address.expect("an address").ask().await };
            let (answer, request) = tokio::join!(asking, serving);
            match expected {
                Ok(body) => assert_eq!(answer, Ok(body), "{url}"),
                Err(why) => {
                    let refused = answer.expect_err("an untrusted certificate");
                    assert!(refused.contains(why), "{url}: {refused}");
                    assert!(request.is_none_or(|request| request.is_empty()), "a request was sent to {url}");
                }
            }
        }
    }
}

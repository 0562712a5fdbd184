//! Requests to other services: key sets today. A request is limited in time and size, follows no redirect, uses no proxy, and
//! verifies certificates against the public certificate authorities.
//!
//! All URLs come from the configuration of the operator and may name any address, because an identity provider is often in the
//! same private network. A URL from a user must not: its client has to check the resolved addresses in [`Client::send`].
//!
//! Written on `hyper`, which the server uses anyway: a client library such as `reqwest` brings connection pools, redirects and
//! proxies from the environment, all of which would have to be turned off.

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

/// The maximum size of a response head, in bytes.
const MAX_HEAD_SIZE: usize = 64 * 1024;

/// The limits of one request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time limit for the whole request.
    pub timeout: Duration,
    /// The maximum size of a response body, in bytes.
    pub max_size: usize,
}

/// A client for one URL of another service. Its `Display` output omits the path and the query, which may be secret.
pub struct Client {
    name: String,
    host: String,
    port: u16,
    authority: String,
    path: Uri,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    limits: Limits,
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Client {
    /// Returns the client for a URL; `None` if it is not a valid URL of the scheme `http` or `https`. An `https` server needs a
    /// certificate of a public certificate authority.
    pub fn new(url: &str, limits: Limits) -> Result<Option<Self>> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Ok(Self::with_tls(url, limits, &connector(roots)?))
    }

    fn with_tls(url: &str, limits: Limits, tls: &TlsConnector) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?;
        let bare_host = host.trim_matches(['[', ']']).to_owned();
        let tls = match url.scheme() {
            "http" => None,
            "https" => Some((tls.clone(), ServerName::try_from(bare_host.clone()).ok()?)),
            _ => return None,
        };
        Some(Self {
            name: url[..Position::AfterPort].to_owned(),
            port: url.port_or_known_default()?,
            authority: url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            path: url[Position::BeforePath..Position::AfterQuery].parse().ok()?,
            host: bare_host,
            tls,
            limits,
        })
    }

    /// Sends a GET request that accepts these media types. Returns the body of a response with status 200, or an error message
    /// that continues a sentence that begins with the client.
    pub async fn get(&self, accept: &'static str) -> Result<Vec<u8>, String> {
        let request = Request::get(self.path.clone())
            .header(HOST, &self.authority)
            .header(ACCEPT, accept)
            .header(USER_AGENT, concat!("tokenward/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(failed)?;
        let timed_out = || format!("did not answer within {} s", self.limits.timeout.as_secs());
        timeout(self.limits.timeout, self.send(request)).await.unwrap_or_else(|_| Err(timed_out()))
    }

    async fn send(&self, request: Request<Empty<Bytes>>) -> Result<Vec<u8>, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(failed)?;
        match &self.tls {
            None => self.send_over(stream, request).await,
            Some((connector, name)) => {
                self.send_over(connector.connect(name.clone(), stream).await.map_err(failed)?, request).await
            }
        }
    }

    async fn send_over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        request: Request<Empty<Bytes>>,
    ) -> Result<Vec<u8>, String> {
        let (mut sender, connection) =
            http1::Builder::new().max_buf_size(MAX_HEAD_SIZE).handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let response = pin!(async {
            let response = sender.send_request(request).await.map_err(failed)?;
            if response.status() != StatusCode::OK {
                return Err(format!("answered {}", response.status().as_u16()));
            }
            let body = Limited::new(response.into_body(), self.limits.max_size).collect().await;
            Ok(body.map_err(failed)?.to_bytes().to_vec())
        });
        // The connection drives the request, and may end before the whole body is read.
        match select(response, pin!(connection)).await {
            Either::Left((response, _)) => response,
            Either::Right((_, response)) => response.await,
        }
    }
}

fn connector(roots: RootCertStore) -> Result<TlsConnector> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Bug(error.to_string().into()))?
        .with_root_certificates(roots)
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

    const LIMITS: Limits = Limits { timeout: Duration::from_secs(5), max_size: 256 * 1024 };
    const ACCEPT: &str = "application/jwk-set+json, application/json";

    fn client(url: &str) -> Client {
        Client::new(url, LIMITS).expect("TLS").expect("an address")
    }

    async fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let host = format!("localhost:{}", listener.local_addr().expect("an address").port());
        (listener, host)
    }

    /// Sends this response to one request, waits until the client closes the connection, and returns the request.
    async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, response: &str) -> String {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { break };
            request.push(byte);
        }
        let _ = stream.write_all(response.as_bytes()).await;
        let _ = stream.flush().await;
        let _ = stream.read_u8().await;
        String::from_utf8(request).expect("UTF-8")
    }

    /// Returns the result of a fetch that gets this response, and the request.
    async fn fetch_with_response(response: &str) -> (Result<Vec<u8>, String>, String) {
        let (listener, host) = listener().await;
        let client = client(&format!("http://{host}/realms/a/certs?client=hunter2"));
        let serving = async { serve(listener.accept().await.expect("a connection").0, response).await };
        let (fetched, request) = tokio::join!(client.get(ACCEPT), serving);
        assert!(!client.to_string().contains("hunter2"), "{client}");
        (fetched, request.replace(&host, "HOST"))
    }

    #[tokio::test]
    async fn client_sends_one_request_and_returns_the_body() {
        let (response, request) =
            fetch_with_response("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}").await;
        assert_eq!(response.as_deref(), Ok(&b"{\"keys\":[]}"[..]));
        let request = request.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(request.replace("\r\n", "\n").trim(), @"
        GET /realms/a/certs?client=hunter2 HTTP/1.1
        host: HOST
        accept: application/jwk-set+json, application/json
        user-agent: tokenward/VERSION
        ");
        let (response, _) =
            fetch_with_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").await;
        assert_eq!(response.as_deref(), Ok(&b"{}"[..]));
    }

    #[tokio::test]
    async fn only_small_responses_with_status_200_are_accepted() {
        let large = "x".repeat(LIMITS.max_size + 1);
        for (response, why) in [
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
            let error = fetch_with_response(&response).await.0.expect_err("no body");
            assert!(error.contains(why), "{response:.60}: {error}");
        }
    }

    #[test]
    fn url_needs_a_host_and_the_scheme_http_or_https() {
        for url in ["", "id.example.com", "ftp://id.example.com/", "file:///etc/passwd", "https://", "unix:/run/id"] {
            assert!(Client::new(url, LIMITS).expect("TLS").is_none(), "{url}");
        }
    }

    #[tokio::test]
    async fn slow_response_times_out() {
        let slow = ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"];
        for (response, _) in join_all(slow.map(fetch_with_response)).await {
            assert_eq!(response, Err("did not answer within 5 s".into()));
        }
    }

    #[tokio::test]
    async fn refused_connection_is_reported() {
        let (listener, host) = listener().await;
        drop(listener);
        let why = client(&format!("http://{host}/")).get(ACCEPT).await.expect_err("a refused connection");
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
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("a root");
        for (name, roots, expected) in [
            ("localhost", Some(roots.clone()), Ok(b"{}".to_vec())),
            ("127.0.0.1", Some(roots.clone()), Ok(b"{}".to_vec())),
            ("[::ffff:127.0.0.1]", Some(roots), Err("not valid for name")),
            ("localhost", None, Err("UnknownIssuer")),
        ] {
            let (listener, host) = listener().await;
            let url = format!("https://{}/jwks.json", host.replace("localhost", name));
            let client = match roots {
                Some(roots) => Client::with_tls(&url, LIMITS, &connector(roots).expect("TLS")).expect("an address"),
                None => client(&url),
            };
            let serving = async {
                let stream = listener.accept().await.expect("a connection").0;
                let stream = acceptor.accept(stream).await.ok()?;
                Some(serve(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await)
            };
            let fetching = client.get(ACCEPT);
            let (response, request) = tokio::join!(fetching, serving);
            match expected {
                Ok(body) => assert_eq!(response, Ok(body), "{url}"),
                Err(why) => {
                    let error = response.expect_err("an untrusted certificate");
                    assert!(error.contains(why), "{url}: {error}");
                    assert!(request.is_none_or(|request| request.is_empty()), "a request was sent to {url}");
                }
            }
        }
    }
}

//! An identity provider that counts its requests, and key pairs.

use crate::world::{ISSUER, World};
use jsonwebtoken::{Algorithm, EncodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A key pair with the ID and algorithm under which it is published.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) id: &'static str,
    pub(super) algorithm: Algorithm,
    pem: &'static str,
}

pub(super) const RSA: Pair = Pair { id: "rsa", algorithm: Algorithm::RS256, pem: include_str!("keys/rsa.pem") };
pub(super) const OTHER_RSA: Pair =
    Pair { id: "other-rsa", algorithm: Algorithm::RS256, pem: include_str!("keys/other_rsa.pem") };
pub(super) const WEAK_RSA: Pair =
    Pair { id: "weak-rsa", algorithm: Algorithm::RS256, pem: include_str!("keys/weak_rsa.pem") };
pub(super) const EC: Pair = Pair { id: "ec", algorithm: Algorithm::ES256, pem: include_str!("keys/ec.pem") };
pub(super) const OTHER_EC: Pair =
    Pair { id: "other-ec", algorithm: Algorithm::ES256, pem: include_str!("keys/other_ec.pem") };
pub(super) const ED: Pair = Pair { id: "ed", algorithm: Algorithm::EdDSA, pem: include_str!("keys/ed.pem") };
pub(super) const OTHER_ED: Pair =
    Pair { id: "other-ed", algorithm: Algorithm::EdDSA, pem: include_str!("keys/other_ed.pem") };

impl Pair {
    pub(super) fn private(&self) -> EncodingKey {
        let pem = self.pem.as_bytes();
        match self.algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem),
            _ => EncodingKey::from_rsa_pem(pem),
        }
        .unwrap()
    }

    /// Returns the public key as a JWK.
    pub(super) fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private(), self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        let mut jwk = serde_json::to_value(&jwk).unwrap();
        jwk["use"] = json!("sig");
        jwk
    }

    /// Returns the header of a JWT that is signed with this key.
    pub(super) fn header(&self) -> Value {
        json!({ "alg": self.algorithm, "typ": "JWT", "kid": self.id })
    }

    /// Returns a valid JWT of Bob.
    pub(super) fn jwt(&self, world: &World) -> String {
        self.sign(&self.header(), &claims(world))
    }

    /// Signs a JWT with this key and its algorithm, whatever the header says.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, &self.private(), self.algorithm)
    }
}

/// Signs a JWT with a key and an algorithm, whatever the header says.
pub(super) fn signed(header: &Value, claims: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let head = unsigned(header, claims);
    let signature = crypto::sign(head.as_bytes(), key, algorithm).unwrap();
    format!("{head}.{signature}")
}

/// Returns the part of a JWT before the signature.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Returns claims about Bob that are valid for an hour.
pub(super) fn claims(world: &World) -> Value {
    let now = world.now().seconds();
    json!({
        "iss": ISSUER, "aud": "tokenward", "sub": "bob", "iat": now, "exp": now + 3600,
        "preferred_username": "bob", "name": "Bob", "email": "bob@example.test", "email_verified": true,
    })
}

/// Returns a key set as JSON.
pub(super) fn set(pairs: &[Pair]) -> String {
    json!({ "keys": pairs.iter().map(Pair::public).collect::<Vec<_>>() }).to_string()
}

/// An HTTP server that publishes keys.
pub(super) struct Provider {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// The response; requests wait while it is `None`.
    response: Mutex<Option<String>>,
    requests: AtomicUsize,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Provider {
    pub(super) async fn with(pairs: &[Pair]) -> Self {
        let provider = Self::at("127.0.0.1:0".parse().unwrap()).await;
        provider.publish(pairs);
        provider
    }

    /// Starts a provider at a free address; its requests wait for a response.
    pub(super) async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::<State>::default());
        #[expect(clippy::disallowed_methods, reason = "it ends with this value")]
        let serving = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, serving }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    pub(super) fn publish(&self, pairs: &[Pair]) {
        self.respond_with("200 OK", &set(pairs));
    }

    pub(super) fn respond_with(&self, status: &str, body: &str) {
        let length = body.len();
        let response = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        *self.state.response.lock().unwrap() = Some(response);
    }

    /// Returns the number of requests.
    pub(super) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }

    /// Waits for a number of requests.
    pub(super) async fn wait_for_requests(&self, times: usize) {
        for _ in 0..1_000 {
            if self.requests() >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} requests instead of {times}", self.requests());
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(handle(stream, Arc::clone(&state)));
    }
}

async fn handle(mut stream: TcpStream, state: Arc<State>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    assert!(head.starts_with(b"GET /jwks.json HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&head));
    state.requests.fetch_add(1, Ordering::Relaxed);
    loop {
        let ready = state.response.lock().unwrap().clone();
        if let Some(ready) = ready {
            let _ = stream.write_all(ready.as_bytes()).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

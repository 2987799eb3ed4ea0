//! A look at a proxy that speaks plain HTTP: a connection through it, or what it said instead.
//!
//! The SDK's connector says only that a tunnel came to nothing. Whether the proxy refused or talks nonsense is asked of it once more,
//! and nothing but the host's name goes through.

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::proxy::Proxy;

/// What a proxy answered when it was asked for a connection.
#[derive(Debug)]
pub(super) enum Tunnel {
    Open(TcpStream),
    /// With this status.
    Refused(u16),
    /// With something that is not HTTP.
    Nonsense,
}

/// The longest answer that is read.
const LONGEST: usize = 8192;

/// Asks a proxy for a connection to a host. `None`: it did not answer, or it cannot be asked like this.
pub(super) async fn through(proxy: &Proxy, host: &str, port: u16) -> Option<Tunnel> {
    let address = proxy.url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(address).await.ok()?;
    let login = proxy.login.as_ref().map_or_else(String::new, |(name, password)| {
        format!("Proxy-Authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{name}:{}", password.expose())))
    });
    stream.write_all(format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{login}\r\n").as_bytes()).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) if head.is_empty() => return None,
            Err(_) => break,
        }
        if head.len() == b"HTTP/".len() && head != b"HTTP/" {
            return Some(Tunnel::Nonsense);
        }
    }
    match head.get(9..12).and_then(|status| str::from_utf8(status).ok()?.parse().ok()) {
        Some(200) => Some(Tunnel::Open(stream)),
        Some(status) => Some(Tunnel::Refused(status)),
        None => Some(Tunnel::Nonsense),
    }
}

//! Where the host listens, and telling others about it.

use std::{fs, io, net::SocketAddr, path::Path};

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::problem::Hint;

/// Begins to listen; from here on clients can connect, and wait.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let bound = TcpListener::bind(address).await.and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    let kind = bound.as_ref().map_err(io::Error::kind).err();
    let bound = bound.with_context(|| format!("cannot listen at {address}"));
    match kind {
        Some(io::ErrorKind::AddrInUse) => bound.hint(format!(
            "another program has port {port}, perhaps another host: end it, or choose another port, like `--listen {ip}:{next}`",
            port = address.port(),
            ip = address.ip(),
            next = address.port().checked_add(1).unwrap_or(9997),
        )),
        Some(io::ErrorKind::PermissionDenied) => bound.hint(format!(
            "this user may not use port {}: choose one above 1023, like `--listen {}:9997`",
            address.port(),
            address.ip(),
        )),
        Some(io::ErrorKind::AddrNotAvailable) => bound.hint(format!(
            "no network interface of this machine has the address {}: `--listen 127.0.0.1:{}` always works",
            address.ip(),
            address.port(),
        )),
        _ => bound,
    }
}

/// Writes the address into a file, whole or not at all, for programs that asked for any port.
pub(crate) fn write(file: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let partial = file.with_extension("part");
    fs::write(&partial, format!("{}\n", url(address)))
        .and_then(|()| fs::rename(&partial, file))
        .with_context(|| format!("cannot write the address to `{}`", file.display()))
}

/// The address as clients write it.
pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem;

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_with_the_way_out() {
        let (_held, address) = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let text = problem::describe(&listen(address).await.unwrap_err());
        assert!(text.starts_with(&format!("error: cannot listen at {address}")), "{text}");
        assert!(text.contains(&format!("has port {}", address.port())), "{text}");
        assert!(text.contains("--listen 127.0.0.1:"), "{text}");
    }

    #[test]
    fn the_address_file_is_a_url_and_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("address");
        write(&file, ([127, 0, 0, 1], 9997).into()).unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "http://127.0.0.1:9997\n");
    }
}

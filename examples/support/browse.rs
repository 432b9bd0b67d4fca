//! The browser that a person signs in with.

use std::sync::Arc;

use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, header};
use entra_apps::transport::Transport;
use entra_apps::url::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Opens a page in the person's browser; where there is none, its address is shown in any case.
pub(crate) fn open(page: &Url) {
    eprintln!("Sign in in your browser. If it does not open, open this address in it yourself:\n{page}");
    drop(open::that_detached(page.as_str()));
}

/// Where the tenant signs somebody in by itself, no browser is needed: what it answers is followed. Else a person has
/// to choose, in a browser.
pub(crate) fn follow_or_open(transport: Arc<dyn Transport>, page: &Url) {
    let page = page.clone();
    tokio::spawn(async move {
        if follow(&*transport, &page).await.is_none() {
            open(&page);
        }
    });
}

/// Follows the way back to this machine.
async fn follow(transport: &dyn Transport, page: &Url) -> Option<()> {
    let request = Request::get(page.as_str()).body(Bytes::new()).ok()?;
    let answer = transport.send(request).await.ok()?;
    let back = Url::parse(answer.headers().get(header::LOCATION)?.to_str().ok()?).ok()?;
    let mut stream = TcpStream::connect(("127.0.0.1", back.port()?)).await.ok()?;
    let head = format!("GET {}?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", back.path(), back.query()?);
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.read_to_end(&mut Vec::new()).await.ok()?;
    Some(())
}

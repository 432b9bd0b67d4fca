//! A web server for one browser on this machine.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::pages::Page;

/// How long a browser may take to say what it wants: it opens connections ahead, and sends nothing on them.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests that came in, one after the other.
pub(crate) struct Server(mpsc::Receiver<Asked>);

/// A GET request that waits for its answer.
pub(crate) struct Asked {
    /// The path and query.
    pub(crate) target: String,
    stream: TcpStream,
}

impl Server {
    pub(crate) fn start(listener: TcpListener) -> Self {
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    if let Ok(Some(asked)) = tokio::time::timeout(PATIENCE, read(stream)).await {
                        // Nobody waits any more when the program ends.
                        drop(sender.send(asked).await);
                    }
                });
            }
        });
        Self(receiver)
    }

    pub(crate) async fn next(&mut self) -> Option<Asked> {
        self.0.recv().await
    }
}

impl Asked {
    pub(crate) async fn answer(mut self, page: &Page) {
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            page.status_line(),
            page.html.len()
        );
        // A browser that has gone away gets no answer.
        let _ = self.stream.write_all(format!("{head}{}", page.html).as_bytes()).await;
        let _ = self.stream.shutdown().await;
    }
}

/// The target of a GET request; the rest of the request does not matter.
async fn read(mut stream: TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > 32 * 1024 || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8_lossy(&head);
    let mut words = text.lines().next()?.split(' ');
    (words.next()? == "GET").then_some(())?;
    let target = words.next()?.to_owned();
    Some(Asked { target, stream })
}

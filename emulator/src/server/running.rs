//! A server that runs beside a test or a program.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use entra_apps::transport::Transport;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long the requests that are running may take when the server is told to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(300);

/// A server on a free port of loopback, until it is stopped or dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// use entra_emulator::MemoryTenant;
/// use entra_emulator::server::Server;
///
/// let server = Server::start(MemoryTenant::new()).await?;
/// println!("Graph is at {}/v1.0", server.url());
/// assert_eq!(server.stop().await, 0);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<usize>,
}

impl Server {
    /// Serves `transport`, in a task of its own.
    ///
    /// # Errors
    /// When no port of loopback can be listened on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(transport: impl Transport) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let ended = tokio::spawn(super::serve(listener, Arc::new(transport), stopped, SHUTDOWN_TIMEOUT));
        Ok(Self { address, stop, ended })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it, and returns how many connections were cut off because their requests took too long.
    ///
    /// # Panics
    /// When the server panicked.
    pub async fn stop(self) -> usize {
        drop(self.stop);
        self.ended.await.expect("the server does not panic")
    }
}

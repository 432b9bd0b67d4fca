//! Serves an in-memory tenant over HTTP on loopback, for clients in any language.
//!
//! ```text
//! cargo run -p entra-emulator -- --port 8400
//! ```
//!
//! The first line on standard output is JSON: `{"baseUrl","tenantId","clientId","clientSecret"}`, for a partner with
//! `publicClientId` and `userPrincipalName` besides; `GET {baseUrl}/` returns the same. Graph is below `{baseUrl}/v1.0`, the
//! sign-in at `{baseUrl}/{tenantId}/oauth2/v2.0/token`. It runs until it is interrupted or terminated. The ids and the secret are those of `MemoryTenant::new()`, unless a flag says otherwise; `--help` lists
//! the flags: more tenants, who signs in by themselves, latency, replication lag, throttling, faults from a file, a snapshot to start from.

mod options;

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use entra_emulator::server::{Site, serve, welcome};
use options::{HELP, Options};
use tokio::net::TcpListener;

/// How long the requests that are running may take when it is told to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            // Whoever reads may have gone away.
            drop(std::io::stdout().write_all(HELP.as_bytes()));
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let cloud = options.cloud();
    if let Err(error) = options.sign_in(&cloud) {
        eprintln!("{error}");
        return ExitCode::from(2);
    }
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await {
        Ok(listener) => listener,
        Err(error) => {
            let port = options.port;
            eprintln!(
                "cannot listen on 127.0.0.1:{port}: {error}; choose another --port, or none for one that is free"
            );
            return ExitCode::FAILURE;
        }
    };
    // Asked for before anybody knows the address: whoever reads it may stop the emulator at once.
    let stop = stopped();
    let address = listener.local_addr().map(|address| format!("http://{address}"));
    let base_url = options.base_url.clone().unwrap_or_else(|| address.unwrap_or_default());
    let welcome = welcome(&base_url, &cloud, options.is_cloud());
    if writeln!(std::io::stdout(), "{welcome}").is_err() {
        return ExitCode::FAILURE;
    }
    let site = Arc::new(Site::new(cloud, &welcome));
    let cut_off = serve(listener, site, stop, SHUTDOWN_TIMEOUT).await;
    if cut_off > 0 {
        eprintln!(
            "{cut_off} connections were cut off: their requests had no response after {} seconds",
            SHUTDOWN_TIMEOUT.as_secs()
        );
    }
    ExitCode::SUCCESS
}

/// Listens from now on for an interrupt or a request to terminate, and waits for it.
fn stopped() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        async {
            let [mut interrupted, mut terminated] = signals;
            match (&mut interrupted, &mut terminated) {
                (Ok(interrupted), Ok(terminated)) => tokio::select! {
                    _ = interrupted.recv() => {}
                    _ = terminated.recv() => {}
                },
                // Nobody tells: it runs until it is killed.
                _ => std::future::pending().await,
            }
        }
    }
    #[cfg(not(unix))]
    async {
        drop(tokio::signal::ctrl_c().await);
    }
}

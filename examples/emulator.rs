//! Serves an in-memory tenant over HTTP on loopback, for clients in any language.
//!
//! ```text
//! cargo run --example emulator -- --port 8080
//! ```
//!
//! The first line on standard output is JSON: `{"baseUrl","tenantId","clientId","clientSecret"}`. Graph is below
//! `{baseUrl}/v1.0`, the sign-in at `{baseUrl}/{tenantId}/oauth2/v2.0/token`. It runs until it is interrupted or
//! terminated. `--base-url` says what absolute links start with; by default that is the host which was asked for.
//! The ids and the secret are those of `MemoryTenant::new()`, unless `--seed` says otherwise.

use std::error::Error;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use entra_apps::memory::MemoryTenant;
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::transport::Transport as _;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// The largest body of a request, in bytes: Graph's own limit is lower.
const LARGEST_BODY: usize = 8 << 20;

const USAGE: &str = "usage: emulator [--port N] [--base-url URL] [--seed N]";

struct Options {
    port: u16,
    base_url: Option<String>,
    seed: Option<u64>,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { port: 0, base_url: None, seed: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--port" => options.port = value()?.parse().map_err(|_| "--port needs a number up to 65535".to_owned())?,
            "--seed" => options.seed = Some(value()?.parse().map_err(|_| "--seed needs a number".to_owned())?),
            "--base-url" => options.base_url = Some(value()?),
            _ => return Err(format!("unknown argument {argument}")),
        }
    }
    Ok(options)
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let address = listener.local_addr()?;
    // No tick: the network takes its own time.
    let mut builder = MemoryTenant::builder().tick(Duration::ZERO);
    if let Some(seed) = options.seed {
        builder = builder.seed(seed);
    }
    if let Some(url) = &options.base_url {
        builder = builder.base_url(url);
    }
    let tenant = builder.build();
    let caller = tenant.caller();
    let hello = serde_json::json!({
        "baseUrl": options.base_url.unwrap_or_else(|| format!("http://{address}")),
        "tenantId": tenant.id().to_string(),
        "clientId": caller.client_id.to_string(),
        "clientSecret": caller.client_secret.expose_secret(),
    });
    writeln!(std::io::stdout(), "{hello}")?;

    let mut stop = std::pin::pin!(stopped());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of file descriptors, or a connection that went away: wait a little, and go on.
                Err(error) => {
                    eprintln!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            () = &mut stop => return Ok(()),
        };
        // Small answers must not wait for an acknowledgement.
        stream.set_nodelay(true)?;
        let tenant = tenant.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(tenant.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // A client that goes away, or a request that is no HTTP, ends its own connection.
            drop(connection.await);
        });
    }
}

/// Answers a request; an error of the transport is a connection that breaks.
async fn answer(
    tenant: MemoryTenant,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE)?);
    };
    let response = tenant.send(Request::from_parts(parts, body.to_bytes())).await?;
    Ok(response.map(Full::new))
}

fn plain(status: StatusCode) -> Result<Response<Full<Bytes>>, http::Error> {
    Response::builder().status(status).body(Full::default())
}

/// Waits for an interrupt or a request to terminate.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    drop(interrupted.await);
}

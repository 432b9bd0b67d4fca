//! Reading files without holding up the program's async runtime.

use std::io;

/// Runs `read` on a thread of its own: a file system can hang, above all one over a network, and must not hold up the
/// program's runtime, which may be any. A sign-in an hour can afford a thread.
///
/// # Errors
/// Those of `read`, and of starting a thread.
pub(super) async fn on_a_thread<T: Send + 'static>(
    name: &str,
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || drop(sender.send(read())))?;
    receiver.await.map_err(io::Error::other)?
}

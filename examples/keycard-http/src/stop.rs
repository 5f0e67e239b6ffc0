//! The signals that ask the process to stop. Does not know what stops.

use std::io;

/// Listens from now on; ends when the process is asked to stop.
#[cfg(unix)]
pub fn asked() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ends when the process is asked to stop.
#[cfg(not(unix))]
pub fn asked() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a signal handler, only a kill stops the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

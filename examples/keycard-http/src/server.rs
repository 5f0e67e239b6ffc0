//! The server: the number of connections, their time limits, and their end. Does not know what is served.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::Connection;
use crate::head;

/// Limit on concurrent connections. Others are accepted when one of these ends.
const CONNECTIONS: usize = 512;
/// Limit on the time of running requests after the server is asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// The pause before accepting again, after a lack of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` ends. A connection closes if its client needs longer than `patience` to take a response, or to
/// send the head of a request, counted from when it could take the previous response.
pub async fn serve(router: Router, listener: TcpListener, patience: Duration, stop: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    // A client may close its side of the connection after sending a request.
    http.timer(TokioTimer::new()).header_read_timeout(patience).half_close(true).max_headers(head::PARSED_HEADERS);
    let (service, open) = (TowerToHyperService::new(router), GracefulShutdown::new());
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stop = pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            accepted = accept(&listener, &places) => match accepted {
                Ok(accepted) => accepted,
                Err(_) => continue,
            },
            () = &mut stop => break,
        };
        let stream = TokioIo::new(Connection::new(stream, patience));
        let served = open.watch(http.serve_connection(stream, service.clone()));
        tokio::spawn(async move {
            // The failure of a connection concerns only its client.
            let _ = served.await;
            drop(place);
        });
    }
    drop(listener);
    // Abandon the requests that are still running.
    let _ = tokio::time::timeout(GRACE, open.shutdown()).await;
}

/// The next connection, and its permit.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Option<OwnedSemaphorePermit>)> {
    let place = places.clone().acquire_owned().await.ok();
    let stream = match listener.accept().await {
        Ok((stream, _)) => stream,
        Err(error) => {
            tokio::time::sleep(PAUSE).await;
            return Err(error);
        }
    };
    // Otherwise, small responses may wait for the client's acknowledgement. A failure is harmless.
    let _ = stream.set_nodelay(true);
    Ok((stream, place))
}

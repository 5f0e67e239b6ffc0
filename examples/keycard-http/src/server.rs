//! The server from its first connection to its last: how many there may be, how long each may take, how they end. What is
//! served on them is not known here.

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

/// Connections at one time. Others are accepted when one of them ends.
const CONNECTIONS: usize = 512;
/// How long requests may go on once the server was asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How long to wait before accepting again, when there was no file descriptor or memory for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` ends. A connection is closed when its client takes longer than `patience` for taking an answer, or for
/// the head of a request, counted from when the answer before it could be taken.
pub async fn serve(router: Router, listener: TcpListener, patience: Duration, stop: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    // A client may end its own side of the connection when it has sent its request.
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
            // How a connection fails concerns its client alone.
            let _ = served.await;
            drop(place);
        });
    }
    drop(listener);
    // Requests that have not ended by then are given up.
    let _ = tokio::time::timeout(GRACE, open.shutdown()).await;
}

/// The next connection, and its place among all.
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
    // Without it, small answers may wait for the client's acknowledgement. It serves as well if it fails.
    let _ = stream.set_nodelay(true);
    Ok((stream, place))
}

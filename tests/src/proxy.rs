//! A network that can be made worse: a TCP proxy before a server, whose connections can be cut, delayed, and stalled in each
//! direction as if packets went nowhere.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// How the way is just now.
#[derive(Debug, Default)]
struct Way {
    /// Nothing reaches the server any more; nobody is told.
    stalled_up: AtomicBool,
    /// Nothing comes back from it.
    stalled_down: AtomicBool,
    /// Each piece is late by so many milliseconds.
    delay_ms: AtomicU64,
    /// Nobody is let in.
    closed: AtomicBool,
    cut: Mutex<CancellationToken>,
}

/// The proxy. It ends with this value.
pub struct Proxy {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    way: Arc<Way>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Stands before a server on 127.0.0.1.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let way = Arc::new(Way::default());
        let shared = Arc::clone(&way);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !shared.closed.load(Ordering::SeqCst) {
                    tokio::spawn(carry(client, server, Arc::clone(&shared)));
                }
            }
        });
        Self { port, way, task }
    }

    /// The address of a PostgreSQL database behind it, from the address without it.
    ///
    /// # Panics
    /// When the address names no port.
    pub async fn before_postgres(url: &str) -> (Self, String) {
        let (head, name) = url.rsplit_once('/').expect("the address names a database");
        let (head, port) = head.rsplit_once(':').expect("the address names a port");
        let proxy = Self::before(port.parse().expect("a port")).await;
        let url = format!("{head}:{}/{name}", proxy.port);
        (proxy, url)
    }

    /// Ends every connection; new ones are let in.
    pub fn cut(&self) {
        let mut cut = self.way.cut.lock().unwrap_or_else(PoisonError::into_inner);
        cut.cancel();
        *cut = CancellationToken::new();
    }

    /// Whether what is sent to the server, and what it answers, goes nowhere. What was held back arrives afterwards.
    pub fn stall(&self, up: bool, down: bool) {
        self.way.stalled_up.store(up, Ordering::SeqCst);
        self.way.stalled_down.store(down, Ordering::SeqCst);
    }

    /// Each piece is late by so much.
    pub fn delay(&self, by: Duration) {
        self.way.delay_ms.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Whether new connections are refused.
    pub fn close(&self, closed: bool) {
        self.way.closed.store(closed, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn carry(client: TcpStream, server: u16, way: Arc<Way>) {
    let cut = way.cut.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let (client, server) = (client.into_split(), server.into_split());
    let up = pass_on(client.0, server.1, &way, |way| &way.stalled_up);
    let down = pass_on(server.0, client.1, &way, |way| &way.stalled_down);
    tokio::select! {
        () = cut.cancelled() => {}
        _ = async { tokio::join!(up, down) } => {}
    }
}

async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: &Way,
    stalled: impl Fn(&Way) -> &AtomicBool,
) -> std::io::Result<()> {
    let mut piece = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut piece).await?;
        let delay = way.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        while stalled(way).load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..read]).await?;
    }
}

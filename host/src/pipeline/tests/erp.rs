//! An ERP on loopback that answers as it is told, one request for each connection, and writes down what came.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use orderdock_port::Port;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// How one request is answered.
#[derive(Clone)]
pub enum Told {
    /// At once.
    Say(u16, &'static str),
    /// When the test says so.
    Hold(Arc<Notify>, u16, &'static str),
    /// The connection ends without an answer.
    Nothing,
}

#[derive(Default)]
struct Book {
    requests: Mutex<Vec<String>>,
    answers: Mutex<VecDeque<Told>>,
    came: Notify,
}

pub struct Erp {
    port: Port,
    book: Arc<Book>,
    task: Mutex<tokio::task::JoinHandle<()>>,
}

impl Erp {
    pub async fn start() -> Self {
        let (port, book) = (Port::free().unwrap(), Arc::new(Book::default()));
        let task = Mutex::new(listen(&port, &book));
        Self { port, book, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The next answers, in this order; after them, 200 with `{}`.
    pub fn answers(&self, told: impl IntoIterator<Item = Told>) {
        self.book.answers.lock().unwrap().extend(told);
    }

    /// First line and body of each request.
    pub fn requests(&self) -> Vec<String> {
        self.book.requests.lock().unwrap().clone()
    }

    /// Waits until that many requests came.
    pub async fn came(&self, count: usize) {
        loop {
            let next = self.book.came.notified();
            if self.requests().len() >= count {
                return;
            }
            next.await;
        }
    }

    /// Nobody listens any more.
    pub async fn down(&self) {
        let task = std::mem::replace(&mut *self.task.lock().unwrap(), tokio::spawn(async {}));
        task.abort();
        let _aborted = task.await;
    }

    /// It listens again where it did.
    pub async fn up(&self) {
        *self.task.lock().unwrap() = listen(&self.port, &self.book);
    }
}

impl Drop for Erp {
    fn drop(&mut self) {
        self.task.lock().unwrap().abort();
    }
}

fn listen(port: &Port, book: &Arc<Book>) -> tokio::task::JoinHandle<()> {
    let listener = TcpListener::from_std(port.listen().unwrap()).unwrap();
    tokio::spawn(serve(listener, Arc::clone(book)))
}

async fn serve(listener: TcpListener, book: Arc<Book>) {
    // Requests under way end with the server.
    let mut requests = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        requests.spawn(answer(stream, Arc::clone(&book)));
    }
}

async fn answer(mut stream: TcpStream, book: Arc<Book>) {
    let mut bytes = Vec::new();
    let request = loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1");
            break format!("{line} {body}");
        }
    };
    let told = book.answers.lock().unwrap().pop_front().unwrap_or(Told::Say(200, "{}"));
    book.requests.lock().unwrap().push(request);
    book.came.notify_waiters();
    let (status, body) = match told {
        Told::Say(status, body) => (status, body),
        Told::Hold(until, status, body) => {
            until.notified().await;
            (status, body)
        }
        Told::Nothing => return,
    };
    let text = format!("HTTP/1.1 {status} Told\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let _gone = stream.write_all(text.as_bytes()).await;
    let _closed = stream.shutdown().await;
}

//! One exchange: resolve, connect, TLS, request, answer; one time limit over all of it; nothing is ever repeated.

use std::{
    convert::Infallible,
    error::Error as _,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::{
    Answer, Evidence, Exchange, Gate, HttpDestination, Request, address,
    stream::{GatedStream, Journal},
};
use crate::{
    domain::{
        certificate,
        transport::{Phase, TransportFailure},
    },
    failpoint::{self, Point},
};

/// How long one address of several may take to connect before the next is tried. Nothing was sent yet, so trying
/// another address is no repeat.
const CONNECT_ONE: Duration = Duration::from_secs(10);

/// Most headers of an answer, and most bytes of them.
const MOST_HEADERS: usize = 256;
const MOST_HEADER_BYTES: usize = 256 << 10;

/// The body is handed over in pieces of this size, so that `sent_bytes` means something when a send is cut off.
const PIECE: usize = 64 << 10;

/// Sends and judges nothing.
pub(super) async fn send(destination: &HttpDestination, request: Request, gate: Gate) -> Exchange {
    let journal = Journal::start();
    let limit = request.time_limit;
    let deadline = Instant::now() + limit;
    let result = timeout_at(deadline, attempt(destination, request, gate, &journal)).await;
    let result = match result {
        // Whatever the library made of it, the gate's word is the reason.
        _ if journal.refused() => Err(TransportFailure::LeaseShort),
        Ok(result) => result,
        Err(_) => Err(TransportFailure::TimedOut(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))),
    };
    let evidence: Evidence = journal.evidence();
    Exchange { evidence, result }
}

async fn attempt(
    destination: &HttpDestination,
    request: Request,
    gate: Gate,
    journal: &Arc<Journal>,
) -> Result<Answer, TransportFailure> {
    if request.url.origin() != destination.base.origin() {
        return Err(TransportFailure::Resolve("the request does not belong to this destination".to_owned()));
    }
    journal.reached(Phase::Resolve);
    let addresses = resolve(destination, &request.url).await?;
    journal.reached(Phase::Connect);
    let tcp = connect(&addresses).await?;
    if let Ok(peer) = tcp.peer_addr() {
        journal.peer(peer);
    }
    if request.url.scheme() == "http" {
        return exchange(tcp, request, gate, journal).await;
    }
    journal.reached(Phase::Tls);
    let tls = match &destination.tls {
        Some(config) => TlsConnector::from(Arc::clone(config)),
        None => return Err(TransportFailure::Tls("this destination was opened without TLS".to_owned())),
    };
    let name = server_name(&request.url)?;
    let stream = tls.connect(name, tcp).await.map_err(|error| TransportFailure::Tls(distrust(&error)))?;
    exchange(stream, request, gate, journal).await
}

/// Goes as far as the TLS handshake and hangs up: what `orderdock check` may do to an ERP without an order.
pub(super) async fn greet(destination: &HttpDestination) -> Result<(), TransportFailure> {
    let url = &destination.base;
    let addresses = resolve(destination, url).await?;
    let tcp = connect(&addresses).await?;
    if let (Some(config), "https") = (&destination.tls, url.scheme()) {
        let connecting = TlsConnector::from(Arc::clone(config)).connect(server_name(url)?, tcp);
        connecting.await.map_err(|error| TransportFailure::Tls(distrust(&error)))?;
    }
    Ok(())
}

fn distrust(error: &io::Error) -> String {
    let words = told(error);
    certificate::explain(&words, "destination.settings.ca_file").unwrap_or(words)
}

/// The addresses that we may connect to.
async fn resolve(destination: &HttpDestination, url: &Url) -> Result<Vec<SocketAddr>, TransportFailure> {
    let failed = |why: String| TransportFailure::Resolve(why);
    let port = url.port_or_known_default().ok_or_else(|| failed("the address has no port".to_owned()))?;
    let found: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(ip)) => vec![(IpAddr::from(ip), port).into()],
        Some(Host::Ipv6(ip)) => vec![(IpAddr::from(ip), port).into()],
        Some(Host::Domain(name)) => tokio::net::lookup_host((name, port))
            .await
            .map_err(|error| failed(format!("the name `{name}` can't be resolved: {error}")))?
            .collect(),
        None => Vec::new(),
    };
    let plain = url.scheme() == "http";
    let settings = &destination.settings;
    let mut refused = None;
    let allowed: Vec<_> = found
        .into_iter()
        .filter(|found| {
            let why = address::refused(found.ip(), plain, settings.allow_plain_http, settings.allow_link_local);
            if let Some(why) = why {
                refused = Some(format!("{} is {why}", found.ip()));
            }
            why.is_none()
        })
        .collect();
    if allowed.is_empty() {
        let host = url.host_str().unwrap_or_default();
        return Err(failed(refused.unwrap_or_else(|| format!("the name `{host}` has no address"))));
    }
    Ok(allowed)
}

/// The first address that answers.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, TransportFailure> {
    let mut tried = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let last = index + 1 == addresses.len();
        let connecting = TcpStream::connect(address);
        let connected = if last {
            connecting.await
        } else {
            timeout(CONNECT_ONE, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        };
        match connected {
            Ok(stream) => {
                // A request is written at once; waiting for more to fill a packet only costs time.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => tried.push(format!("{address}: {error}")),
        }
    }
    Err(TransportFailure::Connect(tried.join("; ")))
}

fn server_name(url: &Url) -> Result<ServerName<'static>, TransportFailure> {
    match url.host() {
        Some(Host::Ipv4(ip)) => Ok(ServerName::IpAddress(IpAddr::from(ip).into())),
        Some(Host::Ipv6(ip)) => Ok(ServerName::IpAddress(IpAddr::from(ip).into())),
        Some(Host::Domain(name)) => {
            ServerName::try_from(name.to_owned()).map_err(|error| TransportFailure::Tls(error.to_string()))
        }
        None => Err(TransportFailure::Tls("the address names no host".to_owned())),
    }
}

/// One request and its whole answer on a connection that serves nothing else.
async fn exchange<S>(
    stream: S,
    request: Request,
    gate: Gate,
    journal: &Arc<Journal>,
) -> Result<Answer, TransportFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    failpoint::reached(Point::Connected);
    let cap = request.answer_cap;
    journal.expects(request.body.len());
    let wire = wire_request(request, journal)?;
    let io = TokioIo::new(GatedStream::new(stream, gate, Arc::clone(journal)));
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(MOST_HEADERS)
        .max_header_size(MOST_HEADER_BYTES)
        .handshake::<_, Whole>(io)
        .await
        .map_err(|error| read_error(&error))?;
    let mut connection = Some(connection);
    let mut answering = pin!(async {
        let response = sender.send_request(wire).await.map_err(|error| read_error(&error))?;
        journal.reached(Phase::Headers);
        failpoint::reached(Point::Headers);
        read(response, cap, journal).await
    });
    // The connection is driven here and not by a task of its own: dropping the exchange ends everything at once.
    let mut surplus = 0;
    let answer = std::future::poll_fn(|cx| {
        if let Some(driven) = &mut connection
            && driven.poll_without_shutdown(cx).is_ready()
        {
            surplus = connection.take().map_or(0, |driven| driven.into_parts().read_buf.len());
        }
        answering.as_mut().poll(cx)
    })
    .await?;
    if let Some(driven) = connection {
        surplus = driven.into_parts().read_buf.len();
    }
    if surplus > 0 {
        return Err(TransportFailure::Lost(format!("{surplus} more bytes came after the declared end of the answer")));
    }
    journal.reached(Phase::Body);
    Ok(answer)
}

/// The request in the library's types.
fn wire_request(request: Request, journal: &Arc<Journal>) -> Result<http::Request<Whole>, TransportFailure> {
    // Nothing was sent yet, and `request` has checked all of it: this is for callers that build a request themselves.
    let unusable = |error: http::Error| TransportFailure::Connect(format!("the request can't be written: {error}"));
    let url = &request.url;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let length = request.body.len();
    let mut builder = http::Request::builder().method(request.method.as_str()).uri(target);
    builder = builder.header(header::HOST, host).header(header::CONNECTION, "close");
    if length > 0 || !matches!(request.method.as_str(), "GET" | "DELETE") {
        builder = builder.header(header::CONTENT_LENGTH, length);
    }
    for (name, value) in &request.headers {
        let mut value = HeaderValue::from_bytes(value).map_err(|error| unusable(error.into()))?;
        value.set_sensitive(true);
        builder = builder.header(name.as_str(), value);
    }
    builder.body(Whole { rest: request.body, journal: Arc::clone(journal) }).map_err(unusable)
}

/// Reads the answer's body, never more of it than the cap.
async fn read(response: http::Response<Incoming>, cap: u64, journal: &Journal) -> Result<Answer, TransportFailure> {
    let (head, mut body) = response.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(TransportFailure::Malformed(
            "the answer switches to another protocol, which nobody asked for".to_owned(),
        ));
    }
    let declared = body.size_hint().lower();
    if declared > cap {
        return Err(TransportFailure::Oversized(cap));
    }
    let mut bytes = BytesMut::with_capacity(usize::try_from(declared).unwrap_or_default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| read_error(&error))?;
        if let Some(data) = frame.data_ref() {
            journal.received(data.len());
            if bytes.len() as u64 + data.len() as u64 > cap {
                return Err(TransportFailure::Oversized(cap));
            }
            bytes.extend_from_slice(data);
            failpoint::reached(Point::HalfBody);
        }
    }
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Ok(Answer { status: head.status.as_u16(), headers, body: bytes.freeze() })
}

/// What the library's error means for us.
fn read_error(error: &hyper::Error) -> TransportFailure {
    let invalid = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| matches!(source.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData));
    if error.is_parse() || invalid {
        TransportFailure::Malformed(told(error))
    } else {
        TransportFailure::Lost(told(error))
    }
}

/// An error with its causes, each once.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// A request's body.
struct Whole {
    rest: Bytes,
    journal: Arc<Journal>,
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.rest.len().min(PIECE);
        if length == 0 {
            return Poll::Ready(None);
        }
        let piece = self.rest.split_to(length);
        self.journal.sent(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

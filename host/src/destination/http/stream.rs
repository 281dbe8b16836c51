//! The stream below the HTTP library: where the gate stands, and where *sent* is true.
//!
//! The library makes the head, polls the body and writes when it likes. Instead of relying on its order, the gate is
//! asked by the first write that would put a byte of the request on the connection. Refused: not one byte, not even of
//! the head, has left. Passed: the phase is *sent* before the write is tried, so the record is never behind the wire.
//! An empty body goes the same way.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{Evidence, Gate};
use crate::{
    domain::transport::Phase,
    failpoint::{self, Point},
};

/// What has happened so far; survives the exchange being dropped at the time limit.
pub(super) struct Journal {
    start: Instant,
    seen: Mutex<Seen>,
}

struct Seen {
    phase: Phase,
    times: Vec<(Phase, u64)>,
    sent_bytes: u64,
    expected_bytes: u64,
    received_bytes: u64,
    peer: Option<SocketAddr>,
    refused: bool,
}

impl Journal {
    pub(super) fn start() -> Arc<Self> {
        let seen = Seen {
            phase: Phase::Recorded,
            times: Vec::with_capacity(6),
            sent_bytes: 0,
            expected_bytes: 0,
            received_bytes: 0,
            peer: None,
            refused: false,
        };
        Arc::new(Self { start: Instant::now(), seen: Mutex::new(seen) })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A phase began.
    pub(super) fn reached(&self, phase: Phase) {
        let at = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.with(|seen| {
            seen.phase = phase;
            seen.times.push((phase, at));
        });
    }

    pub(super) fn peer(&self, peer: SocketAddr) {
        self.with(|seen| seen.peer = Some(peer));
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.with(|seen| seen.sent_bytes = seen.sent_bytes.saturating_add(bytes as u64));
    }

    /// How long the request's body is.
    pub(super) fn expects(&self, bytes: usize) {
        self.with(|seen| seen.expected_bytes = bytes as u64);
    }

    /// Whether the library has taken the whole request.
    fn is_whole(&self) -> bool {
        self.with(|seen| seen.phase == Phase::Sent && seen.sent_bytes >= seen.expected_bytes)
    }

    pub(super) fn received(&self, bytes: usize) {
        self.with(|seen| seen.received_bytes = seen.received_bytes.saturating_add(bytes as u64));
    }

    /// Whether the gate said no.
    pub(super) fn refused(&self) -> bool {
        self.with(|seen| seen.refused)
    }

    pub(super) fn evidence(&self) -> Evidence {
        self.with(|seen| Evidence {
            phase: seen.phase,
            times: seen.times.clone(),
            // What the library took into its buffer before the first write was not sent.
            sent_bytes: if seen.phase < Phase::Sent { 0 } else { seen.sent_bytes },
            received_bytes: seen.received_bytes,
            peer: seen.peer.map(|peer| peer.to_string()),
        })
    }
}

/// A connection whose first written byte has to pass the gate.
pub(super) struct GatedStream<S> {
    stream: S,
    gate: Option<Gate>,
    journal: Arc<Journal>,
}

impl<S> GatedStream<S> {
    pub(super) fn new(stream: S, gate: Gate, journal: Arc<Journal>) -> Self {
        Self { stream, gate: Some(gate), journal }
    }

    /// Asks the gate before the first byte. Once refused, it stays shut.
    fn pass(&mut self) -> io::Result<()> {
        let Some(gate) = &self.gate else { return Ok(()) };
        if self.journal.refused() || !gate() {
            self.journal.with(|seen| seen.refused = true);
            return Err(io::Error::other("the lease has too little time left"));
        }
        self.gate = None;
        self.journal.reached(Phase::Sent);
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GatedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GatedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.pass()?;
        if failpoint::awaited(Point::HalfRequest) {
            let half = buf.get(..buf.len().div_ceil(2)).unwrap_or(buf);
            let written = Pin::new(&mut self.stream).poll_write(cx, half);
            if written.is_ready() {
                failpoint::reached(Point::HalfRequest);
            }
            return written;
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pass()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored() && !failpoint::awaited(Point::HalfRequest)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() && self.journal.is_whole() {
            failpoint::reached(Point::WholeRequest);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

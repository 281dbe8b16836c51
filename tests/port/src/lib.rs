//! Ports of 127.0.0.1 for servers that go down and come back.
//!
//! A port that nobody listens on is anybody's: the server of another test may get it, and answer in the place of the one that
//! is down. A [`Port`] stays its owner's. Linux refuses connections to a bound socket that does not listen, gives its port to
//! nobody who asks for a free one, and lets others that bind it by its number listen there (`SO_REUSEADDR`, socket(7)).

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener},
};

use socket2::{Domain, Socket, Type};

/// Connections that may wait to be accepted; as many as the standard library allows.
const BACKLOG: i32 = 128;

/// A port of 127.0.0.1, ours as long as this lives.
#[derive(Debug)]
pub struct Port {
    /// Bound, and never listening.
    _held: Socket,
    number: u16,
}

impl Port {
    /// Takes a port that is free.
    ///
    /// # Errors
    /// None is free.
    pub fn free() -> io::Result<Self> {
        Self::take(0)
    }

    /// Takes this port, which may be one that another process holds in the same way; 0 for a free one.
    ///
    /// # Errors
    /// Somebody listens there.
    pub fn take(number: u16) -> io::Result<Self> {
        let held = bound(number)?;
        let number = held.local_addr()?.as_socket().map(|address| address.port()).unwrap_or_default();
        Ok(Self { _held: held, number })
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.number).into()
    }

    /// Listens there, without blocking; connections are refused again when the listener is gone.
    ///
    /// # Errors
    /// Somebody listens already.
    pub fn listen(&self) -> io::Result<TcpListener> {
        let socket = bound(self.number)?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }
}

fn bound(number: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, number)).into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_port_refuses_listens_and_refuses_again() {
        let port = Port::free().unwrap();
        for _ in 0..3 {
            assert_eq!(TcpStream::connect(port.address()).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
            let listener = port.listen().unwrap();
            assert_eq!(listener.local_addr().unwrap(), port.address());
            let client = TcpStream::connect(port.address()).unwrap();
            listener.set_nonblocking(false).unwrap();
            drop((listener.accept().unwrap(), client));
            assert!(port.listen().is_err(), "one listens at a time");
        }
    }

    #[test]
    fn nobody_else_gets_it_for_a_free_one() {
        let ours: Vec<_> = (0..100).map(|_| Port::free().unwrap()).collect();
        let theirs: Vec<_> = (0..500).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
        for listener in &theirs {
            let number = listener.local_addr().unwrap().port();
            assert!(ours.iter().all(|port| port.number() != number), "{number}");
        }
    }

    #[test]
    fn another_process_may_hold_and_use_it_too() {
        let port = Port::free().unwrap();
        let other = Port::take(port.number()).unwrap();
        let listener = TcpListener::bind(port.address()).unwrap();
        assert!(TcpStream::connect(other.address()).is_ok());
        drop(listener);
    }
}

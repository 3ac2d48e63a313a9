//! A port that one server gets, and no other process meanwhile.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;

use anyhow::Context as _;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt,
};

/// A free port of the loopback interface, kept until the value is gone. A server can listen on it
/// that sets `SO_REUSEADDR`, as servers do; the system gives it to nobody who asks for any port.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    pub(crate) address: SocketAddr,
    /// Bound, and never listening.
    _socket: OwnedFd,
}

impl ReservedPort {
    pub(crate) fn any() -> anyhow::Result<Self> {
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            // The servers must not inherit it.
            SocketFlags::CLOEXEC,
            None,
        )?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        Ok(Self {
            address: getsockname(&socket)?.try_into()?,
            _socket: socket,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_reserved_port_is_free_for_its_server_alone() {
        let reserved: Vec<ReservedPort> = (0..200).map(|_| ReservedPort::any().unwrap()).collect();
        let ports: BTreeSet<u16> = reserved.iter().map(|port| port.address.port()).collect();
        assert_eq!(ports.len(), reserved.len());
        for port in &reserved {
            let others = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            assert!(!ports.contains(&others.local_addr().unwrap().port()));
            TcpListener::bind(port.address).unwrap();
        }
    }
}

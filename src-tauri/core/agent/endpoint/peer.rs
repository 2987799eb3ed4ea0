//! Who is at the other end of a TCP connection on this machine: the user, and the process where it can be seen.
//!
//! A Unix socket tells its peer, TCP does not. On Linux the kernel lists every connection with its user and an inode, and a
//! process of the same user shows which inodes it has open. Elsewhere nobody is known, and the token alone decides.

use std::net::SocketAddrV4;

/// What is known of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// Another user of this machine.
    Stranger(u32),
    /// This user; the process, where it was found.
    Own(Option<u32>),
    /// The system does not say.
    Unknown,
}

/// Looks up the process that holds the end `theirs` of a connection to `ours`. Blocks for some milliseconds.
#[cfg(target_os = "linux")]
pub(super) fn look(theirs: SocketAddrV4, ours: SocketAddrV4) -> Peer {
    let Some((user, inode)) = std::fs::read_to_string("/proc/net/tcp").ok().and_then(|table| find(&table, theirs, ours)) else { return Peer::Unknown };
    if user != rustix::process::geteuid().as_raw() {
        return Peer::Stranger(user);
    }
    Peer::Own(holder(&format!("socket:[{inode}]")))
}

/// Looks nowhere: the system has no list that could be read without a helper.
#[cfg(not(target_os = "linux"))]
pub(super) fn look(_: SocketAddrV4, _: SocketAddrV4) -> Peer {
    Peer::Unknown
}

/// The user and the inode of a connection, from the lines of `/proc/net/tcp`.
#[cfg(target_os = "linux")]
fn find(table: &str, theirs: SocketAddrV4, ours: SocketAddrV4) -> Option<(u32, u64)> {
    // Addresses are the bytes of memory read as one number; ports are in the usual order.
    let written = |address: SocketAddrV4| format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port());
    let (theirs, ours) = (written(theirs), written(ours));
    table.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        (words.next()? == theirs && words.next()? == ours).then_some(())?;
        Some((words.nth(4)?.parse().ok()?, words.nth(1)?.parse().ok()?))
    })
}

/// The process that has this open.
#[cfg(target_os = "linux")]
fn holder(link: &str) -> Option<u32> {
    let numbered = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let holds = |pid: &u32| {
        let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        open.filter_map(Result::ok).any(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == link))
    };
    // The newest first: whoever asks was rather started today than at boot.
    let mut processes: Vec<_> = std::fs::read_dir("/proc").ok()?.filter_map(|entry| numbered(entry.ok()?)).collect();
    processes.sort_unstable_by(|one, other| other.cmp(one));
    processes.into_iter().find(holds)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use super::*;

    fn v4(address: SocketAddr) -> SocketAddrV4 {
        match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => panic!("it is bound to 127.0.0.1"),
        }
    }

    #[test]
    fn a_connection_of_this_process_is_this_process() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let ours = v4(listener.local_addr().expect("bound"));
        let stream = TcpStream::connect(ours).expect("it listens");
        let theirs = v4(stream.local_addr().expect("connected"));
        assert_eq!(look(theirs, ours), Peer::Own(Some(std::process::id())));
        assert_eq!(look(ours, ours), Peer::Unknown, "there is no such connection");
    }

    #[test]
    fn the_line_of_another_user_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0\n   \
            1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 222 1 0 100 0 0 10 0\n";
        let at = |port| SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, port);
        if cfg!(target_endian = "little") {
            assert_eq!(find(table, at(50000), at(8080)), Some((1001, 222)));
        }
        assert_eq!(find(table, at(50001), at(8080)), None);
    }
}

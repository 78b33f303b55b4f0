//! What the standard library has no words for: many datagrams in one system call, the address that a datagram was sent
//! to, and files handed to another process. Linux only.
//!
//! # Why there is unsafe code here
//! `recvmmsg` and `sendmmsg` take arrays of pointers to buffers, which only their caller can keep alive. All that they point to
//! is one allocation, [`Memory`], made once and never moved, and touched through one raw pointer: no reference to it
//! outlives the method that made it, and none is alive during a system call. Ancillary data (cmsg(3)) has no other interface than
//! the one of C. Nothing outside this module is unsafe, and nothing in it knows what a DNS message is.
//!
//! # Buffers
//! Each datagram has a buffer for what came and one for the reply, both of [`DATAGRAM`] octets: what fits an Ethernet frame.
//! A query that is larger arrived in fragments, and no resolver's is; it is reported as cut. The size is an odd number of
//! cache lines, so that the headers of consecutive datagrams do not fall on the same few lines of the cache.
#![allow(unsafe_code)]

use std::{
    io,
    mem::{size_of, zeroed},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    os::unix::net::UnixStream,
    ptr::{self, NonNull},
};

use libc::{
    c_int, c_void, cmsghdr, in_pktinfo, in6_pktinfo, iovec, mmsghdr, msghdr, sockaddr_in, sockaddr_in6, socklen_t,
};

/// Octets of a datagram, in and out: an Ethernet frame's 1,500 without the headers of IPv4 and UDP.
pub(crate) const DATAGRAM: usize = 1472;
/// Datagrams taken or sent by one system call at most. See [`udp`](super::udp) for why so many.
pub(crate) const BATCH: usize = 64;

/// The address family and the ancillary data of the largest of ours, aligned as the kernel wants it.
#[repr(C)]
union Control {
    head: cmsghdr,
    room: [u8; 64],
}

#[repr(C)]
union Name {
    family: libc::sa_family_t,
    v4: sockaddr_in,
    v6: sockaddr_in6,
}

/// All that the kernel is given pointers to.
struct Memory {
    queries: [[u8; DATAGRAM]; BATCH],
    replies: [[u8; DATAGRAM]; BATCH],
    names: [Name; BATCH],
    controls: [Control; BATCH],
    to_read: [iovec; BATCH],
    to_write: [iovec; BATCH],
    incoming: [mmsghdr; BATCH],
    outgoing: [mmsghdr; BATCH],
}

/// Up to [`BATCH`] datagrams that came, and their replies.
pub(crate) struct Datagrams {
    memory: NonNull<Memory>,
    /// Whether the socket tells the addresses that datagrams were sent to.
    told: bool,
    /// How many came.
    came: usize,
    /// How many have a reply.
    replied: usize,
}

// SAFETY: it owns its memory as a Box would, and shares it with nobody.
unsafe impl Send for Datagrams {}

/// One datagram that came.
#[derive(Debug)]
pub(crate) struct Datagram<'d> {
    /// The beginning of it, where it is longer than [`DATAGRAM`].
    pub(crate) bytes: &'d [u8],
    /// Whether that is not all of it.
    pub(crate) cut: bool,
    /// From where; `None` for a family that is neither of ours.
    pub(crate) from: Option<SocketAddr>,
    /// [`DATAGRAM`] octets to write a reply to.
    pub(crate) reply: &'d mut [u8],
}

impl Datagrams {
    /// Room for a batch. `told`: its socket was given [`tell_destination`].
    pub(crate) fn new(told: bool) -> Self {
        // SAFETY: all of it is plain data for C, of which all zeros is a value.
        let memory: Box<Memory> = unsafe { Box::new_zeroed().assume_init() };
        let memory = NonNull::from(Box::leak(memory));
        for at in 0..BATCH {
            // SAFETY: `at` is within each of these arrays; the pointers stay good, since what they point to never moves.
            unsafe {
                let memory = memory.as_ptr();
                (*memory).to_read[at] = iovec { iov_base: (&raw mut (*memory).queries[at]).cast(), iov_len: DATAGRAM };
                let header = &raw mut (*memory).incoming[at].msg_hdr;
                (*header).msg_name = (&raw mut (*memory).names[at]).cast();
                (*header).msg_iov = &raw mut (*memory).to_read[at];
                (*header).msg_iovlen = 1;
                (*header).msg_control = if told { (&raw mut (*memory).controls[at]).cast() } else { ptr::null_mut() };
            }
        }
        Self { memory, told, came: BATCH, replied: 0 }
    }

    /// Waits for a datagram, and takes those that have come with it, up to [`BATCH`]. `WouldBlock` after the socket's
    /// receive timeout.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        for at in 0..self.came {
            // SAFETY: as in `new`. What the kernel wrote over is as it was before; the rest has not been touched.
            unsafe {
                let header = &raw mut (*self.memory.as_ptr()).incoming[at].msg_hdr;
                (*header).msg_namelen = size_of::<Name>() as socklen_t;
                (*header).msg_controllen = if self.told { size_of::<Control>() } else { 0 };
            }
        }
        (self.came, self.replied) = (0, 0);
        // SAFETY: BATCH headers, whose pointers and lengths are those of live arrays.
        let came = unsafe {
            let headers = (&raw mut (*self.memory.as_ptr()).incoming).cast();
            libc::recvmmsg(socket.as_raw_fd(), headers, BATCH as u32, libc::MSG_WAITFORONE as _, ptr::null_mut())
        };
        self.came = usize::try_from(came).map_err(|_| io::Error::last_os_error())?;
        Ok(self.came)
    }

    /// The `at`th of those that came. Panics where that is none: what an earlier batch left there is nobody's.
    pub(crate) fn get(&mut self, at: usize) -> Datagram<'_> {
        assert!(at < self.came, "there is no such datagram");
        // SAFETY: `at` is below BATCH, and the references live no longer than this one to self. The kernel gives no more
        // octets than it was given room for; its length is cut to that all the same.
        unsafe {
            let memory = self.memory.as_ptr();
            let (query, reply) = (&raw const (*memory).queries[at], &raw mut (*memory).replies[at]);
            let header = &raw const (*memory).incoming[at];
            let length = ((*header).msg_len as usize).min(DATAGRAM);
            Datagram {
                bytes: &(&*query)[..length],
                cut: (*header).msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
                from: address(&(*memory).names[at]),
                reply: &mut *reply,
            }
        }
    }

    /// The reply to the `at`th is the first `length` octets of its buffer. It goes back to where that came from, and comes from
    /// where that went to. Panics unless there is one reply to each at most, in order, and within its buffer.
    pub(crate) fn reply(&mut self, at: usize, length: usize) {
        assert!(at < self.came && self.replied <= at && length <= DATAGRAM, "one reply each, in order, in its buffer");
        // SAFETY: `at` and `replied` are below BATCH, `length` within the buffer.
        unsafe {
            let memory = self.memory.as_ptr();
            (*memory).to_write[at] = iovec { iov_base: (&raw mut (*memory).replies[at]).cast(), iov_len: length };
            let came = &raw mut (*memory).incoming[at].msg_hdr;
            let header = &raw mut (*memory).outgoing[self.replied].msg_hdr;
            *header = msghdr { msg_iov: &raw mut (*memory).to_write[at], ..*came };
            if self.told {
                from_any_interface(header);
            }
        }
        self.replied += 1;
    }

    /// Sends the replies from the `first`th of them on, without waiting for room; gives how many have gone. An error is
    /// that of the first one.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>, first: usize) -> io::Result<usize> {
        let replies = self.replied.saturating_sub(first);
        if replies == 0 {
            return Ok(0);
        }
        // SAFETY: `first` is below BATCH, and so many headers have been written by `reply` since the last `receive`.
        let sent = unsafe {
            let headers = &raw mut (*self.memory.as_ptr()).outgoing[first];
            libc::sendmmsg(socket.as_raw_fd(), headers, replies as u32, libc::MSG_DONTWAIT as _)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// How many replies there are to send.
    pub(crate) fn replies(&self) -> usize {
        self.replied
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        // SAFETY: it came from a Box, and nobody else has it.
        drop(unsafe { Box::from_raw(self.memory.as_ptr()) });
    }
}

/// What the kernel wrote as a peer's address.
fn address(name: &Name) -> Option<SocketAddr> {
    // SAFETY: all three begin with the family, and it says which one it is; any bits are a value of each.
    unsafe {
        match c_int::from(name.family) {
            libc::AF_INET => {
                let v4 = name.v4;
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                let v6 = name.v6;
                let (ip, port) = (Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port));
                Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

/// Takes the interface out of what the kernel told of a datagram's destination (ip(7), ipv6(7)): said again when sending, it is the
/// source address, and the interface would be forced too, where routing may know a better one. A link-local address means
/// nothing without its interface, and keeps it.
///
/// # Safety
/// `header` is one that `recvmmsg` filled.
unsafe fn from_any_interface(header: *mut msghdr) {
    // SAFETY: the kernel wrote whole control messages, and how long they all are. Only one kind was asked for.
    unsafe {
        let control = libc::CMSG_FIRSTHDR(header);
        if control.is_null() {
            return;
        }
        let data = libc::CMSG_DATA(control);
        match ((*control).cmsg_level, (*control).cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => (*data.cast::<in_pktinfo>()).ipi_ifindex = 0,
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let info = data.cast::<in6_pktinfo>();
                if !Ipv6Addr::from((*info).ipi6_addr.s6_addr).is_unicast_link_local() {
                    (*info).ipi6_ifindex = 0;
                }
            }
            _ => (*header).msg_controllen = 0,
        }
    }
}

fn set(socket: BorrowedFd<'_>, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let size = size_of::<c_int>() as socklen_t;
    // SAFETY: an option whose value is one int, which lives over the call.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), size) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has the kernel tell, with each datagram, the address that it was sent to.
pub(crate) fn tell_destination(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    match v6 {
        false => set(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
        true => set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
    }
}

/// Sends datagrams as large as the interface takes, whatever ICMP says of the path: that can be forged by anyone, to have
/// replies cut into fragments of which one is then replaced (RFC 9715 §3, Linux's IP_PMTUDISC_OMIT).
pub(crate) fn ignore_path_mtu(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    match v6 {
        false => set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT),
        true => set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT),
    }
}

/// Octets of ancillary data that hold one file descriptor.
// SAFETY: only arithmetic.
const ONE_FILE: usize = unsafe { libc::CMSG_SPACE(size_of::<c_int>() as u32) } as usize;

/// A header for `part`, with room for one file in `control`.
fn with_file(part: &mut iovec, control: &mut Control) -> msghdr {
    // SAFETY: plain data for C, of which all zeros is a value.
    let mut header: msghdr = unsafe { zeroed() };
    header.msg_iov = part;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut *control).cast::<c_void>();
    header.msg_controllen = ONE_FILE;
    header
}

/// Writes the beginning of `bytes` (at least one octet), and `file` beside it (SCM_RIGHTS, unix(7)); gives how many octets
/// were taken.
pub(crate) fn send_file(to: &UnixStream, bytes: &[u8], file: BorrowedFd<'_>) -> io::Result<usize> {
    let mut part = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = Control { room: [0; 64] };
    let header = with_file(&mut part, &mut control);
    // SAFETY: `control` has room for the one message that is written to it; the kernel only reads what it is given here.
    let sent = unsafe {
        let head = libc::CMSG_FIRSTHDR(&raw const header);
        (*head).cmsg_level = libc::SOL_SOCKET;
        (*head).cmsg_type = libc::SCM_RIGHTS;
        (*head).cmsg_len = libc::CMSG_LEN(size_of::<c_int>() as u32) as usize;
        libc::CMSG_DATA(head).cast::<c_int>().write_unaligned(file.as_raw_fd());
        libc::sendmsg(to.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL)
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Reads into `bytes`, and takes the file that was sent beside what is read. 0 octets: the other end is closed.
pub(crate) fn receive_file(from: &UnixStream, bytes: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut part = iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut control = Control { room: [0; 64] };
    let mut header = with_file(&mut part, &mut control);
    // SAFETY: the kernel writes within `bytes` and `control`. A file that it tells of is ours alone from then on; there is
    // room for one, and it closes those for which there is none.
    unsafe {
        let read = libc::recvmsg(from.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC);
        let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
        let head = libc::CMSG_FIRSTHDR(&raw const header);
        let told = !head.is_null() && ((*head).cmsg_level, (*head).cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS);
        let file = told.then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(head).cast::<c_int>().read_unaligned()));
        Ok((read, file))
    }
}

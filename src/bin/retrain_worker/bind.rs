//! Keeps TensorFlow's server to the loopback. TensorFlow asks gRPC to listen on every address,
//! whatever address it is given, and offers no way to change that. The loader resolves a library's
//! `bind` to the program's own, if it has one: here.

use std::sync::atomic::AtomicBool;
#[cfg(target_os = "linux")]
use std::sync::atomic::Ordering;

/// While this is set, sockets that are bound to every address are bound to the loopback instead.
pub(crate) static LOOPBACK_ONLY: AtomicBool = AtomicBool::new(false);

/// The C library's `bind`.
///
/// # Safety
/// As there: `address` points to `length` bytes.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn bind(
    socket: libc::c_int,
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> libc::c_int {
    let mut narrowed: libc::sockaddr_storage;
    let mut address = address.cast::<libc::c_void>();
    if LOOPBACK_ONLY.load(Ordering::SeqCst)
        && (size_of::<libc::sa_family_t>()..=size_of::<libc::sockaddr_storage>())
            .contains(&(length as usize))
    {
        // SAFETY: all zeros are a valid sockaddr_storage; the caller's `length` bytes fit into it,
        // and it lives until the system call returns.
        unsafe {
            narrowed = std::mem::zeroed();
            address.copy_to_nonoverlapping((&raw mut narrowed).cast(), length as usize);
        }
        narrow(&mut narrowed);
        address = (&raw const narrowed).cast();
    }
    // SAFETY: the system call behind `bind`; it only reads `length` bytes at `address`, which are
    // the caller's or the copy above.
    unsafe { libc::syscall(libc::SYS_bind, socket, address, length) as libc::c_int }
}

/// Replaces the address that stands for all addresses by the loopback.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn narrow(address: &mut libc::sockaddr_storage) {
    let family = libc::c_int::from(address.ss_family);
    // SAFETY: sockaddr_storage is as large and as aligned as any address, and its family says which
    // one it holds.
    unsafe {
        match family {
            libc::AF_INET => {
                let address = &mut *(&raw mut *address).cast::<libc::sockaddr_in>();
                if address.sin_addr.s_addr == libc::INADDR_ANY.to_be() {
                    address.sin_addr.s_addr = libc::INADDR_LOOPBACK.to_be();
                }
            }
            libc::AF_INET6 => {
                let address = &mut *(&raw mut *address).cast::<libc::sockaddr_in6>();
                if address.sin6_addr.s6_addr == [0; 16] {
                    // An IPv4 address in IPv6, because clients come from 127.0.0.1.
                    let loopback = std::net::Ipv4Addr::LOCALHOST.to_ipv6_mapped();
                    address.sin6_addr.s6_addr = loopback.octets();
                }
            }
            _ => {}
        }
    }
}

//! From macOS' own account.

/// The machine's memory: macOS compresses and swaps what is not in use, so a process can take
/// nearly all of it. `None` if the system does not tell.
pub(super) fn available() -> Option<u64> {
    let mut bytes = 0u64;
    let mut size = size_of_val(&bytes);
    let name = c"hw.memsize".as_ptr();
    // SAFETY: the name ends in a zero byte, and the call writes at most `size` bytes, which is how
    // many `bytes` has.
    #[allow(unsafe_code)]
    let failed = unsafe {
        libc::sysctlbyname(name, (&raw mut bytes).cast(), &mut size, std::ptr::null_mut(), 0)
    };
    (failed == 0 && bytes > 0).then_some(bytes)
}

//! From Windows' own account.

use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

/// The bytes that this process can still take: what is free or can be freed on this machine, and
/// what the system lets all processes have. `None` if the system does not tell.
pub(super) fn available() -> Option<u64> {
    let mut status = MEMORYSTATUSEX {
        dwLength: size_of::<MEMORYSTATUSEX>() as u32,
        ..MEMORYSTATUSEX::default()
    };
    // SAFETY: the call writes to a structure of the size that it says.
    #[allow(unsafe_code)]
    let told = unsafe { GlobalMemoryStatusEx(&raw mut status) } != 0;
    told.then(|| status.ullAvailPhys.min(status.ullAvailPageFile))
}

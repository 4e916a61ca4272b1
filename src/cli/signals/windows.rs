//! Ctrl-C, Ctrl-Break, and the end of the console, the session or the machine. Windows runs the
//! handler in a thread of its own.

use crate::cancel::CancelToken;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

/// The numbers of C's signals, for exit codes that are the same on every system.
pub(in crate::cli) const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const SIGBREAK: i32 = 21;

/// What signals cancel.
static TOKEN: OnceLock<CancelToken> = OnceLock::new();

/// Makes signals cancel `token`. Only a program's first token is cancelled.
pub(in crate::cli) fn install(token: &CancelToken) {
    if TOKEN.set(token.clone()).is_ok() {
        // If the handler cannot be installed, signals keep their default effect.
        // SAFETY: the handler is a function, and it is there as long as the program.
        #[allow(unsafe_code)]
        unsafe {
            SetConsoleCtrlHandler(Some(handle), 1);
        }
    }
}

/// The number and name of the signal that cancelled `token`, if one did.
pub(in crate::cli) fn received(token: &CancelToken) -> Option<(i32, &'static str)> {
    match i32::try_from(token.flag().load(Ordering::Relaxed)).ok()? {
        SIGINT => Some((SIGINT, "Ctrl-C")),
        SIGBREAK => Some((SIGBREAK, "Ctrl-Break")),
        SIGTERM => Some((SIGTERM, "the end of its console or session")),
        _ => None,
    }
}

#[allow(unsafe_code)]
unsafe extern "system" fn handle(event: u32) -> BOOL {
    const HANDLED: BOOL = 1;
    const DEFAULT: BOOL = 0;
    let Some(token) = TOKEN.get() else { return DEFAULT };
    let signal = match event {
        CTRL_C_EVENT => SIGINT,
        CTRL_BREAK_EVENT => SIGBREAK,
        _ => SIGTERM,
    };
    let before = token.flag().swap(signal as usize, Ordering::Relaxed);
    if event >= CTRL_CLOSE_EVENT {
        // The process ends when this returns, or some seconds later: the run has until then.
        loop {
            std::thread::park();
        }
    }
    if before == 0 { HANDLED } else { DEFAULT }
}

//! Runs programs with less memory than the machine has, in a control group.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A control group in this process's own, whose processes share so much memory.
pub(crate) struct MemoryLimit {
    group: PathBuf,
}

impl MemoryLimit {
    /// A group with that many bytes; why there is none, if none can be made.
    pub(crate) fn new(bytes: u64) -> Result<Self, String> {
        let groups = fs::read_to_string("/proc/self/cgroup").map_err(|e| e.to_string())?;
        let path = |of: &dyn Fn(&str) -> bool| {
            let mut lines =
                groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
            lines.find(|(controllers, _)| of(controllers)).map(|(_, path)| path.to_owned())
        };
        let v1 = path(&|controllers| controllers.split(',').any(|name| name == "memory"));
        let v2 = path(&str::is_empty);
        let (root, own, limit) = match (v1, v2) {
            (Some(own), _) => ("/sys/fs/cgroup/memory", own, "memory.limit_in_bytes"),
            (None, Some(own)) => ("/sys/fs/cgroup", own, "memory.max"),
            (None, None) => return Err("this process is in no control group".into()),
        };
        let own = Path::new(root).join(own.trim_start_matches('/'));
        if limit == "memory.max" {
            // Fails where the group's processes are not in groups below it.
            let _ = fs::write(own.join("cgroup.subtree_control"), "+memory");
        }
        let group = own.join(format!("retrain-test-{}-{bytes}", std::process::id()));
        let fail = |e| format!("no control group can be made in {} ({e})", own.display());
        fs::create_dir(&group).map_err(fail)?;
        let group = Self { group };
        fs::write(group.group.join(limit), bytes.to_string()).map_err(fail)?;
        // Where there is swap, it would add to the limit.
        for swap in ["memory.swap.max", "memory.memsw.limit_in_bytes"] {
            let most = if swap == "memory.swap.max" { 0 } else { bytes };
            let _ = fs::write(group.group.join(swap), most.to_string());
        }
        Ok(group)
    }

    /// The command, in the group.
    pub(crate) fn command(&self, command: &Command) -> Command {
        let mut limited = Command::new("sh");
        limited.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]);
        limited.arg(self.group.join("cgroup.procs")).arg(command.get_program());
        limited.args(command.get_args().map(OsString::from));
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            limited.current_dir(dir);
        }
        limited
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.group);
    }
}

//! From the files in which Linux tells: where there are none, it is not known.

use std::path::{Path, PathBuf};

/// The bytes that this process can still take: what is free or can be freed on this machine, within
/// the limits of the control groups that it is in. `None` if the system does not tell.
pub(super) fn available() -> Option<u64> {
    let of_machine = field(Path::new("/proc/meminfo"), "MemAvailable:").map(|kib| kib * 1024);
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    groups.lines().filter_map(of_group).chain(of_machine).min()
}

/// Where a version of control groups is mounted, and how its files are called.
struct Version {
    root: &'static str,
    limit: &'static str,
    /// The line of `memory.stat` with the memory that cannot be freed.
    held: &'static str,
}

const V1: Version =
    Version { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", held: "total_rss" };
const V2: Version = Version { root: "/sys/fs/cgroup", limit: "memory.max", held: "anon" };

/// What is left in the group that a line of `/proc/self/cgroup` names, and in those that it is in.
fn of_group(line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let version = match controllers {
        "" => V2,
        _ if controllers.split(',').any(|name| name == "memory") => V1,
        _ => return None,
    };
    let group: PathBuf = Path::new(version.root).join(path.trim_start_matches('/'));
    // In a container, what is outside of its own groups is not there.
    let groups = group.ancestors().take_while(|group| group.starts_with(version.root));
    groups.filter_map(|group| left(group, &version)).min()
}

fn left(group: &Path, version: &Version) -> Option<u64> {
    let limit = std::fs::read_to_string(group.join(version.limit)).ok()?.trim().parse().ok()?;
    let held = field(&group.join("memory.stat"), version.held).unwrap_or(0);
    Some(u64::saturating_sub(limit, held))
}

/// The number after `name` in a file of lines of names and numbers.
fn field(path: &Path, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| (words.next()? == name).then(|| words.next()?.parse().ok())?)
}

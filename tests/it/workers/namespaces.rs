//! Workers behind a network of their own, which can be slow and can be cut. Where namespaces cannot
//! be made, the tests say so; the wires of the other tests stand in for them.

use super::machines::{RETRAIN_WORKER, Run, Worker};
use super::programs::{assert_same, with_reference};
use crate::support::command;
use std::path::Path;
use std::process::{Command, Stdio};

/// A namespace with a link to this one.
struct Network {
    name: String,
    link: String,
}

impl Network {
    /// `None` if this user or system cannot make one.
    fn new() -> Option<Self> {
        let id = std::process::id();
        let network = Self { name: format!("retrain-{id}"), link: format!("rt{id}") };
        let (name, link) = (&network.name, &network.link);
        let made = [
            format!("ip netns add {name}"),
            format!("ip link add {link} type veth peer name far netns {name}"),
            format!("ip addr add 10.213.77.1/30 dev {link}"),
            format!("ip link set {link} up"),
            format!("ip -n {name} addr add 10.213.77.2/30 dev far"),
            format!("ip -n {name} link set far up"),
            format!("ip -n {name} link set lo up"),
        ]
        .iter()
        .all(|line| does(line));
        if !made {
            println!("skipped: no network namespaces here");
        } else if !does(&format!("tc qdisc add dev {link} root netem delay 20ms")) {
            println!("the network is not slow: tc has no netem here");
        }
        made.then_some(network)
    }

    fn worker(&self) -> Worker {
        let args = ["netns", "exec", &self.name, RETRAIN_WORKER, "--listen=10.213.77.2:0"];
        Worker::of(command("ip", Path::new("."), &args))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        does(&format!("ip link del {}", self.link));
        does(&format!("ip netns del {}", self.name));
    }
}

/// Runs a command; whether it succeeds.
fn does(line: &str) -> bool {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap());
    let command = command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn a_slow_network_is_used_and_a_cut_one_given_up() {
    let Some(network) = Network::new() else { return };
    let workspace = with_reference(200);
    let (far, near) = (network.worker(), Worker::start());
    let workers = format!("--workers={},{}", far.address, near.address);
    let mut run = Run::start(&workspace, "theirs", &[&workers, "--workers_only"]);
    run.until(&format!("worker {} has joined", far.address));
    run.until("00 bottleneck files created.");
    assert!(does(&format!("ip link set {} down", network.link)));
    let log = run.end(0);
    assert!(log.contains(&format!("worker {} is dropped: ", far.address)), "{log}");
    assert_same(&workspace, "alone", "theirs");
}

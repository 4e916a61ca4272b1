//! The simulation of `benches/scaling`: what must hold of it whatever the costs, and that the
//! committed picture and tables are those of the committed costs.

use crate::scaling_model::costs::Text;
use crate::scaling_model::figures::{Curve, dedicated};
use crate::scaling_model::limits::limits;
use crate::scaling_model::links::{LINKS, Link, UNLIMITED};
use crate::scaling_model::pipeline::{Outcome, Setup, simulate};
use crate::scaling_model::tables::gain;
use crate::scaling_model::{Costs, Figures, picture, tables};
use std::fs;
use std::path::{Path, PathBuf};

fn benches() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches")
}

fn costs() -> Costs {
    Costs::read(&benches().join("scaling/costs.json")).unwrap()
}

/// Simulates each network with a client and workers that have cores of their own.
fn each_network(link: Link, cores: [usize; 2], check: impl Fn(&Costs, &Setup<'_>, Outcome)) {
    let costs = costs();
    assert!(!costs.networks.is_empty());
    for network in &costs.networks {
        let setup = dedicated(&costs, network, link, cores);
        check(&costs, &setup, simulate(&setup));
    }
}

#[track_caller]
fn assert_close(value: f64, expected: f64, tolerance: f64) {
    assert!((value / expected - 1.0).abs() < tolerance, "{value}, not {expected}");
}

#[test]
fn one_worker_on_a_link_without_limits_is_as_fast_as_its_core() {
    each_network(UNLIMITED, [16, 1], |_, setup, outcome| {
        assert_close(outcome.rate, 1.0 / setup.network.service(), 0.03);
    });
}

#[test]
fn workers_on_one_core_share_it() {
    each_network(UNLIMITED, [16, 1], |_, setup, alone| {
        let shared =
            Setup { worker_cores: vec![setup.worker_cores[0].clone(); 3], ..setup.clone() };
        assert_close(simulate(&shared).rate, alone.rate, 0.03);
        // A client on the same core takes its share.
        let all_on_one =
            Setup { client_cores: vec![0], worker_cores: vec![vec![0]], ..setup.clone() };
        assert!(simulate(&all_on_one).rate < 0.99 * alone.rate);
    });
}

#[test]
fn nothing_is_faster_than_its_limits() {
    for link in LINKS {
        for cores in [[1, 20], [2, 200], [16, 5]] {
            each_network(link, cores, |costs, setup, outcome| {
                let bytes = costs.mean_bytes();
                let client = limits(setup.network, Text::Off, cores[0], link, bytes).lowest().0;
                let workers = cores[1] as f64 / setup.network.service();
                let most = client.min(workers);
                assert!(outcome.rate < 1.02 * most, "{} > {most}", outcome.rate);
                // Nor is it far from them: queues are long enough. (Checks come in bursts.)
                assert!(outcome.rate > 0.8 * most, "{} < {most}", outcome.rate);
            });
        }
    }
}

#[test]
fn more_workers_or_more_bandwidth_never_make_it_slower() {
    let costs = costs();
    let figures = Figures::of(&costs);
    for of in &figures.networks {
        for Curve { link, points } in &of.curves {
            for pair in points.windows(2) {
                let [fewer, more] = [pair[0].outcome.rate, pair[1].outcome.rate];
                let workers = pair[1].workers;
                let at = format!("{} at {}: {workers} workers", of.network.name, link.name);
                assert!(more > 0.95 * fewer, "{at}: {more} after {fewer}");
            }
        }
        for pair in of.curves.windows(2) {
            for (slow, fast) in pair[0].points.iter().zip(&pair[1].points) {
                assert!(fast.outcome.rate > 0.95 * slow.outcome.rate, "{slow:?} {fast:?}");
            }
        }
    }
}

#[test]
fn the_committed_picture_and_tables_are_those_of_the_committed_costs() {
    let costs = costs();
    let figures = Figures::of(&costs);
    let committed = fs::read_to_string(benches().join("scaling/scaling.svg")).unwrap();
    let again = "run cargo bench --bench scaling";
    assert!(committed == picture(&figures), "the picture is of other costs; {again}");
    let readme = fs::read_to_string(benches().join("README.md")).unwrap();
    assert!(readme.contains(&tables(&figures)), "the tables are of other costs; {again}");
}

#[test]
fn two_real_workers_gave_at_least_1_6_times_one() {
    let costs = costs();
    for network in &costs.networks {
        let gain = gain(&costs, &network.name, 2).unwrap();
        assert!(gain >= 1.6, "{}: {gain}", network.name);
    }
}

//! The tables of `benches/README.md`.

use super::chart::grouped;
use super::costs::{Costs, Network, Run, Text};
use super::figures::{Figures, MILLIONS, hours, simulated};
use super::limits::{client_seconds, limits};
use super::links::LINKS;

/// Workers of the table of hours.
const WORKERS: [usize; 4] = [1, 10, 50, 200];

/// Clients of the table of limits: their cores, and whether they write text files.
const CLIENTS: [(usize, Text); 3] = [(2, Text::Off), (16, Text::Off), (16, Text::On)];

/// All tables, with a line before each.
pub(crate) fn tables(figures: &Figures<'_>) -> String {
    let costs = figures.costs;
    [
        "Costs of the stages, ms of one core for a photograph where nothing else is said:",
        &stages(costs),
        &format!(
            "{} Listing a photograph took {} µs.",
            measured(costs),
            significant(1e6 * costs.list())
        ),
        "The simulation against real workers:",
        &checks(costs),
        "What no number of workers can exceed, in photographs a second:",
        &most(costs),
        &format!(
            "Hours at {}, a client of 16 cores, without text files; in brackets the share before \
             all workers compute:",
            LINKS[1].name
        ),
        &long_runs(figures),
    ]
    .join("\n\n")
}

fn table(rows: Vec<Vec<String>>) -> String {
    let mut lines: Vec<String> =
        rows.iter().map(|row| format!("| {} |", row.join(" | "))).collect();
    let rule = vec!["---"; rows.first().map_or(0, Vec::len)].join("|");
    lines.insert(1, format!("|{rule}|"));
    lines.join("\n")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn stages(costs: &Costs) -> String {
    type Cost = fn(&Network) -> f64;
    let stages: [(&str, Cost); 12] = [
        ("client: read the file (one thread)", |n| n.client.read),
        ("client: send it, take the answer", |n| n.client.send),
        ("client: write the packed row (one thread)", |n| n.client.keep),
        ("client: write the packed row and the text file (one thread)", |n| n.client.keep_text),
        ("client: checks of one call in 64", |n| {
            client_seconds(n, Text::Off) - n.client.read - n.client.send - n.client.keep
        }),
        ("**client, without text files**", |n| client_seconds(n, Text::Off)),
        ("worker: decode", |n| n.worker.decode),
        ("worker: network", |n| n.worker.network),
        ("worker: receive the photograph, send the answer", |n| n.worker.receive),
        ("**worker**", Network::service),
        ("client: prepare the network, once", |n| n.client.prepare),
        ("client and worker: join, once for each worker", |n| n.client.join + n.worker.join),
    ];
    let names = costs.networks.iter().map(|n| n.name.clone());
    let mut rows = vec![words(&[""]).into_iter().chain(names).collect()];
    rows.extend(stages.map(|(name, cost)| {
        let values = costs.networks.iter().map(|n| significant(1e3 * cost(n)));
        words(&[name]).into_iter().chain(values).collect()
    }));
    table(rows)
}

fn measured(costs: &Costs) -> String {
    let on = |n: &Network| format!("Measured with {} on {}", n.name, n.measured);
    costs.networks.iter().map(on).collect::<Vec<_>>().join(" ")
}

fn checks(costs: &Costs) -> String {
    let mut rows = vec![words(&[
        "network",
        "workers on cores",
        "client on cores",
        "photographs",
        "seconds (least–most)",
        "simulated",
        "difference",
        "photographs a second, after the start",
        "simulated",
        "times one worker (least–most)",
        "client, ms of a core for a photograph",
    ])];
    for run in &costs.runs {
        let Some(simulated) = simulated(costs, run) else { continue };
        let measured = median(&run.seconds[1]);
        let speeds: Vec<f64> = speeds(run).collect();
        rows.push(vec![
            run.network.clone(),
            cores(&run.worker_cores),
            cores(&run.client_cores),
            run.images[1].to_string(),
            spread(&run.seconds[1]),
            significant(simulated[1]),
            format!("{:+.0} %", percent(simulated[1] / measured - 1.0)),
            significant(median(&speeds)),
            significant(speed(run, simulated)),
            spread(&gains(costs, run)),
            significant(1e3 * median(&run.client_seconds)),
        ]);
    }
    table(rows)
}

/// Whole percents, of which 0 has no sign of its own.
fn percent(share: f64) -> f64 {
    (100.0 * share).round() + 0.0
}

/// Photographs a second after the start, from the seconds for few and for all.
fn speed(run: &Run, [few, all]: [f64; 2]) -> f64 {
    (run.images[1] - run.images[0]) as f64 / (all - few)
}

fn speeds(run: &Run) -> impl Iterator<Item = f64> {
    let rounds = run.seconds[0].iter().zip(&run.seconds[1]);
    rounds.map(|(few, all)| speed(run, [*few, *all]))
}

/// How many times as fast as with one worker it was, in each round.
fn gains(costs: &Costs, run: &Run) -> Vec<f64> {
    let one = costs.runs.iter().find(|r| r.network == run.network && r.worker_cores.len() == 1);
    speeds(run).zip(one.into_iter().flat_map(speeds)).map(|(a, b)| a / b).collect()
}

/// The same for so many workers, in the median round.
pub(crate) fn gain(costs: &Costs, network: &str, workers: usize) -> Option<f64> {
    let is = |r: &&Run| r.network == network && r.worker_cores.len() == workers;
    Some(median(&gains(costs, costs.runs.iter().find(is)?)))
}

fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::MAX, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    format!("{} ({}–{})", significant(median(values)), significant(least), significant(most))
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn cores(cores: &[usize]) -> String {
    let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
    cores.join(", ")
}

fn most(costs: &Costs) -> String {
    let mut rows = vec![words(&["network", "client's cores", "text files"])];
    rows[0].extend(LINKS.map(|link| link.name.to_owned()));
    for network in &costs.networks {
        for (client, text) in CLIENTS {
            let texts = if text == Text::On { "on" } else { "off" };
            let mut row = vec![network.name.clone(), client.to_string(), texts.into()];
            row.extend(LINKS.map(|link| {
                let limits = limits(network, text, client, link, costs.mean_bytes());
                let (rate, what) = limits.lowest();
                let fed = rate * network.service();
                format!("{}: {what}, after {fed:.0} workers", grouped(rate.round()))
            }));
            rows.push(row);
        }
    }
    table(rows)
}

fn long_runs(figures: &Figures<'_>) -> String {
    let mut rows = vec![words(&["network", "million photographs"])];
    rows[0].extend(WORKERS.map(|workers| match workers {
        1 => "1 worker".into(),
        n => format!("{n} workers"),
    }));
    let costs = figures.costs;
    for of in &figures.networks {
        let points = &of.curves[1].points;
        for millions in MILLIONS {
            let mut row = vec![of.network.name.clone(), millions.to_string()];
            let at = WORKERS.iter().filter_map(|w| points.iter().find(|p| p.workers == *w));
            row.extend(at.map(|point| {
                let (hours, start) = hours(costs, &point.outcome, 1e6 * millions);
                format!("{} ({:.1} %)", significant(hours), 100.0 * start)
            }));
            rows.push(row);
        }
    }
    table(rows)
}

/// Three significant digits.
fn significant(value: f64) -> String {
    if value >= 100.0 {
        let unit = 10.0_f64.powi(value.log10().floor() as i32 - 2);
        return grouped((value / unit).round() * unit);
    }
    let decimals = if value > 0.0 { (2.0 - value.log10().floor()).max(0.0) as usize } else { 0 };
    format!("{value:.decimals$}")
}

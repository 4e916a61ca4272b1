//! Simulates `--workers` with 1 to 200 workers, from the costs that `benches/workers` has measured.
//!
//! `cargo bench --bench scaling` reads `costs.json`, draws `scaling.svg` and writes the tables of
//! `benches/README.md`.

mod model;

use model::tables::gain;
use model::{Costs, Figures, picture, tables};
use std::error::Error;
use std::fs;
use std::path::Path;

/// What surrounds the tables.
const BEGIN: &str = "<!-- Written by cargo bench --bench scaling -->\n\n";
const END: &str = "\n\n<!-- End -->";

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --all-targets` also starts benchmarks, but without this flag.
    if !std::env::args().any(|a| a == "--bench") {
        return Ok(());
    }
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let costs = Costs::read(&benches.join("scaling/costs.json"))?;
    let figures = Figures::of(&costs);
    fs::write(benches.join("scaling/scaling.svg"), picture(&figures))?;
    let readme = benches.join("README.md");
    let text = fs::read_to_string(&readme)?;
    let no_place = || format!("{} has no place for the tables", readme.display());
    let (before, rest) = text.split_once(BEGIN).ok_or_else(no_place)?;
    let (_, after) = rest.split_once(END).ok_or_else(no_place)?;
    let tables = tables(&figures);
    fs::write(&readme, format!("{before}{BEGIN}{tables}{END}{after}"))?;
    println!("{tables}\n");
    for network in &costs.networks {
        if let Some(gain) = gain(&costs, &network.name, 2) {
            println!("{}: two workers were {gain:.2} times as fast as one", network.name);
        }
    }
    Ok(())
}

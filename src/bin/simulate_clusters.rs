//! The program `simulate_clusters`: see [`retrain::cli`].

fn main() -> std::process::ExitCode {
    retrain::cli::simulate_clusters()
}

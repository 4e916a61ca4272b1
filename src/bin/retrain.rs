//! The program `retrain`: see [`retrain::cli`].

fn main() -> std::process::ExitCode {
    retrain::cli::retrain()
}

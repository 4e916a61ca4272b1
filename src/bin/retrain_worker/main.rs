//! The program `retrain_worker`: see [`retrain::cli`].

mod bind;

fn main() -> std::process::ExitCode {
    retrain::cli::retrain_worker(&bind::LOOPBACK_ONLY)
}

//! The program `cache_bottlenecks`: see [`retrain::cli`].

fn main() -> std::process::ExitCode {
    retrain::cli::cache_bottlenecks()
}

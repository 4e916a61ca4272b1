//! The program `download_images`: see [`retrain::cli`].

fn main() -> std::process::ExitCode {
    retrain::cli::download_images()
}

//! The program `label_image`: see [`retrain::cli`].

fn main() -> std::process::ExitCode {
    retrain::cli::label_image()
}

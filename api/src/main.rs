//! The `innkeeper` binary: see `innkeeper --help`.

fn main() -> std::process::ExitCode {
    innkeeper_api::cli::main()
}

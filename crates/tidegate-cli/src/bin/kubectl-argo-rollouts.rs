//! `kubectl argo rollouts`.

fn main() -> std::process::ExitCode {
    tidegate_cli::main("kubectl-argo-rollouts")
}

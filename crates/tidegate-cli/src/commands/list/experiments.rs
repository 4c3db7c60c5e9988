//! `list experiments` (CLI-203).

use jiff::Timestamp;
use tidegate_api::experiment::Experiment;
use tidegate_controller::wire;
use tidegate_core::{plan::EXPERIMENTS, view::ExperimentRow};

use super::Streams;
use crate::{
    connect::{Cluster, ConnectionArgs},
    follow::Scope,
    table,
};

/// Which experiments.
#[derive(clap::Args, Debug)]
pub struct ExperimentArgs {
    /// Include all namespaces
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
}

/// The columns' heads, and the least widths of the cells below them.
const COLUMNS: [(&str, usize); 5] = [
    ("NAME", 10),
    ("STATUS", 6),
    ("DURATION", 8),
    ("REMAINING", 9),
    ("AGE", 3),
];

/// # Errors
/// When they cannot be listed.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: &ExperimentArgs,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let cluster = Cluster::connect(connection).await?;
    let mut scope = Scope::all(&cluster, EXPERIMENTS);
    if args.all_namespaces {
        scope.namespace.clear();
    }
    let (items, _) = scope.list().await?;
    if items.is_empty() {
        writeln!(streams.err, "No resources found.")?;
        return Ok(());
    }
    let mut heads = COLUMNS.map(|(head, _)| head.to_owned()).to_vec();
    if args.all_namespaces {
        heads.insert(0, "NAMESPACE".to_owned());
    }
    let mut rows = vec![heads];
    let now = Timestamp::now();
    for item in items {
        match wire::typed::<Experiment>(item) {
            Ok(experiment) => rows.push(cells(args, &experiment, now)),
            Err(unreadable) => writeln!(streams.err, "experiment {unreadable}")?,
        }
    }
    streams.out.write_all(table::align(&rows).as_bytes())?;
    Ok(())
}

fn cells(args: &ExperimentArgs, experiment: &Experiment, now: Timestamp) -> Vec<String> {
    let values = ExperimentRow::new(experiment, now).cells();
    let padded = values.iter().zip(COLUMNS);
    let mut cells: Vec<String> = padded
        .map(|(value, (_, width))| format!("{value:<width$}"))
        .collect();
    if args.all_namespaces {
        cells.insert(0, format!("{:<9}", experiment.metadata.namespace));
    }
    cells
}

//! `list rollouts`, `list experiments` (CLI-201 to CLI-203).

mod experiments;

use std::{collections::BTreeMap, pin::pin};

use futures::StreamExt;
use jiff::Timestamp;
use tidegate_api::rollout::Rollout;
use tidegate_controller::wire::{self, Item, Unreadable};
use tidegate_core::{plan::ROLLOUTS, view::ListRow};

use super::Streams;
use crate::{
    connect::{Cluster, ConnectionArgs},
    follow::{self, Scope, Seen},
    table,
};

/// Lists rollouts or experiments.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to list.
    #[command(subcommand)]
    pub what: What,
}

/// What can be listed.
#[derive(clap::Subcommand, Debug)]
pub enum What {
    /// List rollouts
    #[command(visible_aliases = ["ro", "rollout"])]
    Rollouts(RolloutArgs),
    /// List experiments
    #[command(visible_aliases = ["exp", "experiment"])]
    Experiments(experiments::ExperimentArgs),
}

/// Which rollouts.
#[derive(clap::Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of upstream's"
)]
pub struct RolloutArgs {
    /// Only show rollout with specified name
    #[arg(long, default_value = "")]
    pub name: String,
    /// Include all namespaces
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
    /// Watch for changes
    #[arg(long, short)]
    pub watch: bool,
    /// Print timestamps on updates
    #[arg(long)]
    pub timestamps: bool,
}

/// # Errors
/// When they cannot be listed or followed.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let args = match args.what {
        What::Rollouts(args) => args,
        What::Experiments(args) => return experiments::run(connection, &args, streams).await,
    };
    let cluster = Cluster::connect(connection).await?;
    let namespace = if args.all_namespaces {
        String::new()
    } else {
        cluster.namespace.clone()
    };
    let selector = if args.name.is_empty() {
        String::new()
    } else {
        format!("metadata.name={}", args.name)
    };
    let scope = Scope {
        cluster,
        resource: ROLLOUTS,
        namespace,
        selector,
    };
    if args.watch {
        return watch(scope, &args, streams).await;
    }
    let (items, _) = scope.list().await?;
    if items.is_empty() {
        writeln!(streams.err, "No resources found.")?;
        return Ok(());
    }
    let mut rows = vec![header(&args)];
    for item in items {
        match read(item) {
            Ok((namespace, row)) => rows.push(cells(&args, &namespace, &row)),
            Err(unreadable) => writeln!(streams.err, "rollout {unreadable}")?,
        }
    }
    streams.out.write_all(table::align(&rows).as_bytes())?;
    Ok(())
}

/// Everything there is, then each row that has changed, until somebody stops it (CLI-202).
async fn watch(scope: Scope, args: &RolloutArgs, streams: Streams<'_>) -> anyhow::Result<()> {
    let mut known = BTreeMap::new();
    let mut heads = vec![header(args)];
    let mut changes = pin!(follow::changes(scope));
    while let Some(seen) = changes.next().await {
        let objects = match seen? {
            Seen::All(objects) => objects,
            Seen::Present(object) => vec![object],
            Seen::Gone(_) => Vec::new(),
        };
        let mut rows = std::mem::take(&mut heads);
        for object in objects {
            let (namespace, row) = match read(object) {
                Ok(read) => read,
                Err(unreadable) => {
                    writeln!(streams.err, "rollout {unreadable}")?;
                    continue;
                }
            };
            let key = (namespace, row.name.clone());
            if known.get(&key) != Some(&row) {
                rows.push(cells(args, &key.0, &row));
                known.insert(key, row);
            }
        }
        streams.out.write_all(table::align(&rows).as_bytes())?;
        streams.out.flush()?;
    }
    Ok(())
}

/// The namespace and the row of a Rollout.
fn read(item: Item) -> Result<(String, ListRow), Box<Unreadable>> {
    let rollout: Rollout = wire::typed(item)?;
    let row = ListRow::new(&rollout);
    Ok((rollout.metadata.namespace, row))
}

/// The columns' heads, and the least widths of the cells below them.
const COLUMNS: [(&str, usize); 9] = [
    ("NAME", 10),
    ("STRATEGY", 9),
    ("STATUS", 12),
    ("STEP", 4),
    ("SET-WEIGHT", 10),
    ("READY", 5),
    ("DESIRED", 7),
    ("UP-TO-DATE", 10),
    ("AVAILABLE", 9),
];

fn header(args: &RolloutArgs) -> Vec<String> {
    let mut heads = Vec::new();
    if args.timestamps {
        heads.push("TIMESTAMP".to_owned());
    }
    if args.all_namespaces {
        heads.push("NAMESPACE".to_owned());
    }
    heads.extend(COLUMNS.map(|(head, _)| head.to_owned()));
    heads
}

fn cells(args: &RolloutArgs, namespace: &str, row: &ListRow) -> Vec<String> {
    let mut cells = Vec::new();
    if args.timestamps {
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        cells.push(format!("{now:<20}"));
    }
    if args.all_namespaces {
        cells.push(format!("{namespace:<9}"));
    }
    let values = row.cells();
    cells.extend(
        values
            .iter()
            .zip(COLUMNS)
            .map(|(value, (_, width))| format!("{value:<width$}")),
    );
    cells
}

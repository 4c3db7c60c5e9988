//! `list rollouts` (CLI-201, CLI-202).

use std::collections::BTreeMap;

use anyhow::Context;
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::rollout::Rollout;
use tidegate_core::{plan::ROLLOUTS, view::ListRow};

use super::Streams;
use crate::{
    connect::{Cluster, ConnectionArgs},
    follow::{self, Scope, Seen},
    table,
};

/// Lists rollouts.
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
/// When rollouts cannot be listed or followed.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let What::Rollouts(args) = args.what;
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
    let list = cluster
        .list(&ROLLOUTS, &namespace, &[("fieldSelector", &selector)])
        .await?;
    let mut known = BTreeMap::new();
    let mut rows = vec![header(&args)];
    for item in list["items"].as_array().into_iter().flatten() {
        let (key, row) = read(item)?;
        rows.push(cells(&args, &key.0, &row));
        known.insert(key, row);
    }
    if rows.len() == 1 && !args.watch {
        writeln!(streams.err, "No resources found.")?;
        return Ok(());
    }
    write!(streams.out, "{}", table::align(&rows))?;
    if !args.watch {
        return Ok(());
    }
    let scope = Scope {
        cluster,
        resource: ROLLOUTS,
        namespace,
        selector,
    };
    let mut changes = std::pin::pin!(follow::changes(scope, follow::version(&list)));
    while let Some(change) = changes.next().await {
        let Seen::Present(object) = change? else {
            continue;
        };
        let (key, row) = read(&object)?;
        if known.get(&key) != Some(&row) {
            write!(
                streams.out,
                "{}",
                table::align(&[cells(&args, &key.0, &row)])
            )?;
            known.insert(key, row);
        }
    }
    Ok(())
}

fn read(item: &Value) -> anyhow::Result<((String, String), ListRow)> {
    let rollout: Rollout =
        serde_json::from_value(item.clone()).context("the server's Rollout cannot be read")?;
    let row = ListRow::new(&rollout);
    let key = (rollout.metadata.namespace, rollout.metadata.name);
    Ok((key, row))
}

/// Least widths of the columns, and their heads.
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
        heads.push(format!("{:<20}", "TIMESTAMP"));
    }
    if args.all_namespaces {
        heads.push(format!("{:<9}", "NAMESPACE"));
    }
    heads.extend(COLUMNS.map(|(head, width)| format!("{head:<width$}")));
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

//! A real Graphite (MP-507).

use anyhow::Result;
use serde_json::json;
use tidegate_testbed::{bench::Bench, graphite::Graphite};

use crate::runs::{self, Case};

#[tokio::test(flavor = "multi_thread")]
async fn the_values_of_the_first_series_are_judged() -> Result<()> {
    let Some(bench) = Bench::start("counterparts-graphite").await? else {
        return Ok(());
    };
    let Some(graphite) = Graphite::start(bench.folder()).await? else {
        return Ok(());
    };
    let _controller = bench.controller(&[])?;
    let cases = Case::read(include_str!("graphite.yaml"), |mut asks| {
        asks["address"] = json!(graphite.url());
        json!({"graphite": asks})
    })?;
    runs::check(&bench, "", &cases).await
}

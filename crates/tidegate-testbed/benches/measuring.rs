//! What measuring costs on a real control plane: many AnalysisRuns that measure every second, beside some whose
//! server hangs. `cargo xtask bench` runs it. `TIDEGATE_BENCH_CONTROLLER` names the program of another controller
//! to be measured instead, with its arguments.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write as _,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use axum::{Router, extract::Path, routing};
use http::Request;
use serde_json::json;
use tidegate_testbed::bench::{Bench, root};
use tokio::{net::TcpListener, task::JoinSet};

/// Runs whose server answers at once, and measurements of each.
const RUNS: usize = 500;
const COUNT: usize = 30;
/// Runs whose server hangs: more than there are passes at once by default.
const HANGING: usize = 40;
/// How long all of it may take; what has come by then is told.
const PATIENCE: Duration = Duration::from_mins(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// The first measurements come while runs are still created.
const WARM: usize = 5;
/// Between two slots of a run.
const SECOND: Duration = Duration::from_secs(1);
/// What a second has of the ticks in which Linux tells processor time.
const TICKS: f64 = 100.0;
/// Names another controller.
const OTHER: &str = "TIDEGATE_BENCH_CONTROLLER";
const FOLDER: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/analysisruns";

/// When each run was heard of.
type Heard = Arc<Mutex<BTreeMap<String, Vec<Instant>>>>;

#[tokio::main]
async fn main() -> Result<()> {
    let Some(bench) = Bench::start("measuring").await? else {
        return Ok(());
    };
    let heard = Heard::default();
    let url = serve(Arc::clone(&heard)).await?;
    let controller = Controller::start(&bench)?;
    let (spent, written) = (controller.seconds()?, writes(&bench).await?);
    create(&bench, ("hangs", HANGING), &url).await?;
    create(&bench, ("run", RUNS), &url).await?;
    let begun = Instant::now();
    while done(&heard) < RUNS && begun.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
    }
    let took = begun.elapsed();
    // The last measurements are still to be written.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (spent, written) = (
        controller.seconds()? - spent,
        writes(&bench).await? - written,
    );
    tell(&heard, took, (spent, written))
}

fn tell(heard: &Heard, took: Duration, (spent, written): (f64, f64)) -> Result<()> {
    let ended = done(heard);
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let measurements: usize = heard.values().map(Vec::len).sum();
    let all = f64::from(u32::try_from(measurements)?);
    let mut late: Vec<Duration> = heard.values().flat_map(|at| late(at)).collect();
    late.sort();
    let share = |percent: usize| {
        late.get(late.len().saturating_sub(1) * percent / 100)
            .map_or(0, Duration::as_millis)
    };
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{measurements} measurements of {RUNS} runs that measure every second, beside {HANGING} whose server hangs; {ended} had all {COUNT} after {} s",
        took.as_secs()
    )?;
    writeln!(
        out,
        "after their slot: {} ms for half of them, {} ms for all but one in a hundred, {} ms at most",
        share(50),
        share(99),
        share(100)
    )?;
    writeln!(
        out,
        "for each measurement: {:.2} ms of processor time, {:.2} writes of AnalysisRuns",
        spent * 1_000.0 / all,
        written / all
    )
    .context("stdout is closed")
}

/// How late each measurement comes after its slot: the slots of a run lie a second apart, from where it has come
/// earliest. One that comes in the slot of the next takes its place. The first few say nothing of the slots: a new run
/// is measured at once.
fn late(at: &[Instant]) -> Vec<Duration> {
    let mut slot = None;
    let at = at.iter().skip(WARM);
    at.map(|at| {
        let due = slot.map_or(*at, |slot: Instant| (slot + SECOND).min(*at));
        let late = at.duration_since(due);
        slot = Some(due + Duration::from_secs(late.as_secs()));
        late
    })
    .collect()
}

/// How many runs have all their measurements.
fn done(heard: &Heard) -> usize {
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.values().filter(|at| at.len() >= COUNT).count()
}

/// A server that answers at once at `/run/NAME` and never at `/hangs/NAME`.
async fn serve(heard: Heard) -> Result<String> {
    let answer = move |Path(name): Path<String>| {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.entry(name).or_default().push(Instant::now());
        std::future::ready(r#"{"ok": true}"#)
    };
    let app = Router::new()
        .route("/run/{name}", routing::get(answer))
        .route(
            "/hangs/{name}",
            routing::get(std::future::pending::<String>),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://{address}"))
}

async fn create(bench: &Bench, (kind, count): (&str, usize), url: &str) -> Result<()> {
    let mut under_way = JoinSet::new();
    for number in 0..count {
        let name = format!("{kind}-{number}");
        let web = json!({"url": format!("{url}/{kind}/{name}"), "jsonPath": "{$.ok}", "timeoutSeconds": 20});
        let run = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AnalysisRun",
            "metadata": {"name": name},
            "spec": {"metrics": [{
                "name": "ok", "interval": "1s", "count": COUNT, "successCondition": "result",
                "provider": {"web": web},
            }]},
        });
        let request = Request::post(FOLDER)
            .header("content-type", "application/json")
            .body(run.to_string().into_bytes())?;
        let client = bench.client();
        under_way.spawn(async move { client.request_text(request).await });
        if under_way.len() >= 8
            && let Some(created) = under_way.join_next().await
        {
            created??;
        }
    }
    while let Some(created) = under_way.join_next().await {
        created??;
    }
    Ok(())
}

/// Changes of AnalysisRuns that the API server has taken so far.
async fn writes(bench: &Bench) -> Result<f64> {
    let request = Request::get("/metrics").body(Vec::new())?;
    let page = bench.client().request_text(request).await?;
    let counted = page.lines().filter(|line| {
        line.starts_with("apiserver_request_total{")
            && line.contains("resource=\"analysisruns\"")
            && ["PATCH", "PUT"]
                .iter()
                .any(|verb| line.contains(&format!("verb=\"{verb}\"")))
    });
    counted
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(_, count)| count.parse::<f64>().context("a count is no number"))
        .sum()
}

/// The controller that is measured; dropping it ends it.
struct Controller(Child);

impl Controller {
    fn start(bench: &Bench) -> Result<Self> {
        let own = root().join("target/release/rollouts-controller");
        let command = env::var(OTHER).unwrap_or_else(|_| own.display().to_string());
        let mut words = command.split_whitespace();
        let log = fs::File::create(bench.folder().join("measured.log"))?;
        let child = Command::new(words.next().context("no controller is named")?)
            .args(words)
            .env("KUBECONFIG", bench.kubeconfig())
            .env("POD_NAMESPACE", "default")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{command} cannot be started"))?;
        Ok(Self(child))
    }

    /// The processor time that it has taken so far.
    fn seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("no such process")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.map(str::parse::<f64>).sum::<Result<_, _>>()?;
        Ok(ticks / TICKS)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! What the system knows of this process, and which build it is.

use std::{fs, time::SystemTime};

use super::text::{Page, Type};

/// The unit of `/proc/self/stat`'s times: Linux shows every program 100 ticks a second.
const TICKS: f64 = 100.0;
/// The unit of `/proc/self/stat`'s resident memory, on all platforms that we build for.
const PAGE_SIZE: i64 = 4_096;

/// Tells both.
pub(super) fn tell(page: &mut Page) {
    let version = env!("CARGO_PKG_VERSION");
    let info = page.family(
        "argo_rollouts_controller_info",
        "The version that runs",
        Type::Gauge,
    );
    info.sample(&[("version", version)], 1_u64);
    let labels = [
        ("version", version),
        ("goversion", ""),
        ("goarch", architecture()),
        ("commit", ""),
    ];
    let build = page.family("build_info", "The build that runs", Type::Gauge);
    build.sample(&labels, 1_u64);
    // Systems without /proc tell nothing of this.
    let _ = tell_process(page);
}

/// The machine's architecture as Go names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn tell_process(page: &mut Page) -> Option<()> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name stands in brackets and may contain anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<i64> = rest
        .split(' ')
        .map(|field| field.trim().parse().unwrap_or_default())
        .collect();
    let ticks = |place: usize| super::text::number(fields.get(place).copied().unwrap_or_default());
    let mut gauge = |name, help, value: f64| {
        page.family(name, help, Type::Gauge).sample(&[], value);
    };
    let resident = fields.get(21)?.saturating_mul(PAGE_SIZE);
    gauge(
        "process_resident_memory_bytes",
        "Resident memory",
        bytes(resident),
    );
    gauge(
        "process_virtual_memory_bytes",
        "Virtual memory",
        bytes(*fields.get(20)?),
    );
    if let Some(started) = started(ticks(19) / TICKS) {
        gauge("process_start_time_seconds", "Start, in Unix time", started);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let open = u32::try_from(open.count()).unwrap_or(u32::MAX);
        gauge("process_open_fds", "Open files", f64::from(open));
    }
    if let Some(most) = most_files() {
        gauge("process_max_fds", "Files that may be open", most);
    }
    page.family(
        "process_cpu_seconds_total",
        "Processor time in user and system mode",
        Type::Counter,
    )
    .sample(&[], (ticks(11) + ticks(12)) / TICKS);
    Some(())
}

/// Exact up to 8 PiB.
fn bytes(count: i64) -> f64 {
    let kibibytes = i32::try_from(count / 1_024).unwrap_or(i32::MAX);
    f64::from(kibibytes) * 1_024.0
}

/// When the process started, from the seconds between the system's start and its own.
fn started(after: f64) -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let booted = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    let booted: f64 = booted.trim().parse().ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Some((booted + after).min(now.ok()?.as_secs_f64()))
}

fn most_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

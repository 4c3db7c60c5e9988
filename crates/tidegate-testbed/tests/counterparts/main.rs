//! What metrics are asked of, as real as it can be had: each kind of server, and each kind of trouble with one,
//! as AnalysisRuns on a real control plane.

mod runs;
mod servers;

mod arguments;
mod cloudwatch;
mod graphite;
mod jobs;
mod prometheus;
mod proxy;
mod vendors;
mod web;

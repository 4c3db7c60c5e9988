//! The shell: watches, gates, runs plans, asks, reports.

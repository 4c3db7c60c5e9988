//! The commands against a model cluster, over HTTP, as a person runs them.

#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

mod bench;
mod experiments;
mod playground;
mod reaching;
mod showing;
mod steering;
mod watching;

//! The project's own tool: checks, generators, tests.

fn main() {}

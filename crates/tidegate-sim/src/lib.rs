//! The model cluster, its actors, faults, invariants and scenarios.

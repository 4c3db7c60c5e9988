//! What users' manifests inherit from Go.

//! A real control plane on this machine: etcd, kube-apiserver and kube-controller-manager, built from
//! their Go modules, with the model cluster's kubelet attached; and the servers that metrics are asked of. For tests,
//! benches and people; never part of the product.

pub mod assets;
pub mod bench;
pub mod certificates;
pub mod control_plane;
pub mod graphite;
pub mod kubelet;
pub mod moto;
mod process;
pub mod prometheus;
pub mod python;
mod readiness;

pub use control_plane::{ControlPlane, Installed, Options};

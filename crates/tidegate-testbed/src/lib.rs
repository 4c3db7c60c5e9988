//! A real control plane on this machine: etcd, kube-apiserver and kube-controller-manager, built from
//! their Go modules, with the model cluster's kubelet attached. For tests, benches and people; never
//! part of the product.

pub mod assets;
pub mod bench;
pub mod certificates;
pub mod control_plane;
pub mod kubelet;
mod process;
pub mod prometheus;

pub use control_plane::{ControlPlane, Options};

//! Ways into the model cluster: as plain calls, over HTTP, and through a socket on this machine.

pub mod direct;
pub mod http;
pub mod net;

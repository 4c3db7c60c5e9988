//! Serves an empty model cluster with its actors on this machine, for a look with `kubectl`:
//! `cargo run -p tidegate-sim --example model_cluster -- 8001 1`.

use std::{io::Write as _, net::SocketAddr};

use jiff::Timestamp;
use tidegate_sim::{
    actors::{Actors, EndpointsWrites, Settings, kubelet::Timing},
    cluster::Cluster,
    doors::{
        http::Door,
        net::{Speed, drive, kubeconfig, serve},
    },
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let door = Door::new(Cluster::new(Timestamp::now()), Box::new(Timestamp::now));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let (address, serving) = serve(door.clone(), address).await?;
    std::io::stdout().write_all(kubeconfig(address, "default").as_bytes())?;
    let actors = Actors::new(&Settings {
        timing: Timing::default(),
        endpoints: EndpointsWrites::Kept,
    });
    drive(door, actors, Speed(1)).await;
    serving.await?;
    Ok(())
}

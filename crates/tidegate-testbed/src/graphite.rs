//! A real Graphite: its web application over a file of its database.

use std::{net::SocketAddr, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{
    control_plane::free_port,
    process::Process,
    python::{self, Counterpart},
    readiness,
};

/// A running Graphite; dropping it ends it.
#[derive(Debug)]
pub struct Graphite {
    address: SocketAddr,
    _process: Process,
}

impl Graphite {
    /// Starts it with its files in a folder, with the series that `prepare.py` writes. `None` if it cannot be
    /// had on this machine, which is said.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(folder: &Path) -> Result<Option<Self>> {
        let python = match python::find(Counterpart::Graphite) {
            Ok(python) => python,
            Err(why) => {
                python::say_missing(Counterpart::Graphite, &why)?;
                return Ok(None);
            }
        };
        let scripts = Counterpart::Graphite.folder();
        let output = Command::new(&python)
            .arg(scripts.join("prepare.py"))
            .current_dir(folder)
            .output()?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            bail!("whisper writes no series: {why}");
        }
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let arguments = [
            "-m".to_owned(),
            "waitress".to_owned(),
            format!("--listen={address}"),
            "graphite.wsgi:application".to_owned(),
        ];
        let environment = [
            ("PYTHONPATH", scripts.display().to_string()),
            ("GRAPHITE_SETTINGS_MODULE", "local_settings".to_owned()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ];
        let mut process = Process::start_in(&python, &arguments, (folder, &environment))?;
        let ready = |text: &str| text.contains("200 OK");
        readiness::until(
            &mut process,
            folder,
            (address, "/render?target=shop.errors&format=json"),
            ready,
        )
        .await?;
        Ok(Some(Self {
            address,
            _process: process,
        }))
    }

    /// Where it is asked, for a metric's `address`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

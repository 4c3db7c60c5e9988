//! Amazon's services as moto plays them: with users, roles, and signatures that it checks by Amazon's own
//! library.

use std::{net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{
    control_plane::free_port,
    process::Process,
    python::{self, Counterpart},
    readiness,
};

/// How many requests of `prepare.py` come before there is a user: who asks is checked in those that follow.
const UNCHECKED: usize = 6;

/// A running moto; dropping it ends it.
#[derive(Debug)]
pub struct Moto {
    address: SocketAddr,
    keys: Keys,
    _process: Process,
}

/// Keys of its user.
#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    /// Who asks.
    pub id: String,
    /// What signs.
    pub secret: String,
}

impl Moto {
    /// Starts it with its log in a folder, and puts into it what is measured. `None` if it cannot be had on
    /// this machine, which is said.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(folder: &Path) -> Result<Option<Self>> {
        let python = match python::find(Counterpart::Moto) {
            Ok(python) => python,
            Err(why) => {
                python::say_missing(Counterpart::Moto, &why)?;
                return Ok(None);
            }
        };
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let port = address.port().to_string();
        let arguments = ["-m", "moto.server", "-H", "127.0.0.1", "-p", &port].map(str::to_owned);
        let unchecked = ("INITIAL_NO_AUTH_ACTION_COUNT", UNCHECKED.to_string());
        let mut process = Process::start_in(&python, &arguments, (folder, &[unchecked]))?;
        let ready = |text: &str| text.contains("200 OK");
        readiness::until(&mut process, folder, (address, "/moto-api/"), ready).await?;
        let output = Command::new(&python)
            .arg(Counterpart::Moto.folder().join("prepare.py"))
            .arg(format!("http://{address}"))
            .output()?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            bail!("moto takes nothing in: {why}");
        }
        let keys = serde_json::from_slice(&output.stdout).context("prepare.py prints keys")?;
        Ok(Some(Self {
            address,
            keys,
            _process: process,
        }))
    }

    /// Lets that many requests pass from now on without a look at who asks: it takes any request without a
    /// signature for one of nobody, although whoever shows a token has none.
    ///
    /// # Errors
    /// When it does not.
    pub async fn let_pass(&self, requests: usize) -> Result<()> {
        let count = requests.to_string();
        let told = readiness::ask(self.address, "POST /moto-api/reset-auth", &count).await?;
        if !told.contains("200 OK") {
            bail!("moto lets nobody pass: {told}");
        }
        Ok(())
    }

    /// Where all its services are.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Keys that it takes.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }
}

//! Which version of a kind the cluster serves, where a flag says so. Decisions speak of one version; on
//! the wire it is another one (OPS-02).

use std::borrow::Cow;

use tidegate_core::plan::{Resource, VIRTUAL_SERVICES, Write};

use crate::args::Args;

/// The versions that the flags name.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    istio: String,
}

impl Served {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            istio: args.routers.istio_api_version.clone(),
        }
    }

    /// A resource as it is on the wire.
    pub(crate) fn resource(&self, resource: &Resource) -> Resource {
        let mut served = resource.clone();
        if resource.group == VIRTUAL_SERVICES.group {
            served.version = Cow::Owned(self.istio.clone());
        }
        served
    }

    /// A write as it is on the wire.
    pub(crate) fn write<'a>(&self, write: &'a Write) -> Cow<'a, Write> {
        let resource = self.resource(&write.target.resource);
        if resource == write.target.resource {
            return Cow::Borrowed(write);
        }
        let mut served = write.clone();
        served.target.resource = resource;
        Cow::Owned(served)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tidegate_core::plan::{DESTINATION_RULES, SERVICES};

    use super::*;

    #[test]
    fn istios_objects_are_asked_for_in_the_version_that_the_flag_names() {
        let args = Args::parse_from(["rollouts-controller", "--istio-api-version=v1"]);
        let served = Served::new(&args);
        let version = |resource| served.resource(&resource).api_version();
        assert_eq!(version(VIRTUAL_SERVICES), "networking.istio.io/v1");
        assert_eq!(version(DESTINATION_RULES), "networking.istio.io/v1");
        assert_eq!(version(SERVICES), "v1");
    }
}

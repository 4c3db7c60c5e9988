//! Istio's kinds, which a cluster serves once somebody has installed them.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::{
    Cluster, Shelf,
    kinds::{KindId, Kinds},
};

/// `virtualservices.networking.istio.io`.
pub const VIRTUAL_SERVICES: KindId = KindId::beyond_standard(0);
/// `destinationrules.networking.istio.io`.
pub const DESTINATION_RULES: KindId = KindId::beyond_standard(1);

/// The standard kinds and Istio's.
static WITH_ISTIO: LazyLock<Arc<Kinds>> = LazyLock::new(|| {
    let mut kinds = (*Kinds::standard()).clone();
    let definitions: Vec<Value> = serde_saphyr::from_multiple(include_str!("istio.yaml"))
        .expect("the definitions beside this file are YAML");
    for definition in definitions {
        kinds
            .define(&definition)
            .expect("the definitions beside this file define a kind each");
    }
    Arc::new(kinds)
});

impl Cluster {
    /// Installs Istio's kinds, before any other definition.
    pub fn install_istio(&mut self) {
        self.kinds = Arc::clone(&WITH_ISTIO);
        self.shelves.resize(self.kinds.len(), Shelf::new());
    }

    /// Whether the kind is served.
    pub fn serves(&self, kind: KindId) -> bool {
        kind.place() < self.kinds.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_name_istios_kinds() {
        let mut cluster = Cluster::new(jiff::Timestamp::UNIX_EPOCH);
        assert!(!cluster.serves(VIRTUAL_SERVICES));
        cluster.install_istio();
        let plural = |id| cluster.kinds().get(id).plural.clone();
        assert_eq!(plural(VIRTUAL_SERVICES), "virtualservices");
        assert_eq!(plural(DESTINATION_RULES), "destinationrules");
    }
}

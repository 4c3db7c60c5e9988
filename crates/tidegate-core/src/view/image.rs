//! Images that run, and what for.

use std::{collections::BTreeMap, fmt};

use super::{Kind, Tag, experiment, replica_set};

/// An image that runs, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The image.
    pub name: String,
    /// What for, in the order shown.
    pub tags: Vec<Purpose>,
}

/// What an image runs for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A ReplicaSet of the Rollout that is for this.
    Tag(Tag),
    /// The version of an Experiment of this name.
    Template(String),
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => formatter.write_str(tag.as_str()),
            Self::Template(name) => write!(formatter, "{}:{name}", Kind::Experiment.icon()),
        }
    }
}

/// Tags of an image that only one ReplicaSet runs stand in the order of the ReplicaSet's purposes,
/// those of a shared one by name: as upstream shows them.
pub(super) fn images(
    replica_sets: &[replica_set::Shown],
    experiments: &[experiment::Shown],
) -> Vec<Image> {
    let mut images: BTreeMap<&str, Vec<Purpose>> = BTreeMap::new();
    let tried = experiments.iter().flat_map(|shown| &shown.replica_sets);
    let running = replica_sets.iter().chain(tried);
    for shown in running.filter(|shown| shown.pods > 0) {
        for image in &shown.images {
            images
                .entry(image)
                .and_modify(|tags| {
                    tags.extend(shown.purposes());
                    tags.sort_unstable();
                    tags.dedup();
                })
                .or_insert_with(|| shown.purposes().collect());
        }
    }
    images
        .into_iter()
        .map(|(name, tags)| Image {
            name: name.to_owned(),
            tags,
        })
        .collect()
}

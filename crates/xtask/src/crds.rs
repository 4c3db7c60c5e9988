//! `cargo xtask crds`: writes the `CustomResourceDefinition`s under `deploy/crds`, made from our
//! own types ([`source`]), a table of Kubernetes' types ([`kubernetes`]) and what neither says
//! ([`facts`]).

pub(crate) mod compare;
mod facts;
mod kinds;
mod kubernetes;
mod schema;
mod source;
mod yaml;

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::schema::Types;

/// `kubectl apply` keeps a copy of what it applied in an annotation, which may hold 256 KiB. This
/// leaves room for what a distribution adds.
const LARGEST: usize = 200_000;

/// First line of each file.
const HEAD: &str = "# Made by `cargo xtask crds`; do not edit.\n";

/// What to do with the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write them.
    Write,
    /// Complain about those that are not as they would be written.
    Check,
}

/// One definition with its file's name and text.
pub(crate) struct Definition {
    /// Resource, such as `rollouts`.
    pub(crate) plural: &'static str,
    /// The definition.
    pub(crate) value: Value,
    /// The file under `deploy/crds`.
    pub(crate) file: String,
    /// What stands in it.
    pub(crate) text: String,
}

/// Writes or checks the files in `folder`.
///
/// # Errors
/// When a file cannot be written, would be too large, or (checking) is stale.
pub(crate) fn run(folder: &Path, mode: Mode) -> Result<()> {
    let mut stale = Vec::new();
    for definition in definitions()? {
        let path = folder.join(&definition.file);
        match mode {
            Mode::Write => fs::write(&path, &definition.text)
                .with_context(|| format!("cannot write {}", path.display()))?,
            Mode::Check => {
                let found = fs::read_to_string(&path).unwrap_or_default();
                if found != definition.text {
                    stale.push(path.display().to_string());
                }
            }
        }
    }
    if !stale.is_empty() {
        bail!("stale: {}. Run `cargo xtask crds`.", stale.join(", "));
    }
    Ok(())
}

/// The five definitions.
///
/// # Errors
/// When the types they are made of do not fit together, or a file would be too large.
pub(crate) fn definitions() -> Result<Vec<Definition>> {
    let types = types()?;
    kinds::KINDS
        .iter()
        .map(|kind| {
            let value = kind.definition(&types)?;
            let text = format!("{HEAD}{}", yaml::document(&value));
            let size = text.len().max(value.to_string().len());
            if size > LARGEST {
                bail!("{} would have {size} bytes, more than {LARGEST}", kind.name);
            }
            Ok(Definition {
                plural: kind.plural,
                value,
                file: format!("{}.yaml", kind.plural),
                text,
            })
        })
        .collect()
}

/// All types that manifests of ours hold.
fn types() -> Result<Types> {
    let mut types = Types::new();
    kubernetes::add_to(&mut types)?;
    source::add_to(&mut types)?;
    facts::add_to(&mut types)?;
    Ok(types)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_in_the_repository_are_fresh() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
        run(&folder, Mode::Check).unwrap();
    }

    #[test]
    fn the_yaml_says_what_the_definition_says() {
        for definition in definitions().unwrap() {
            let read: Value = serde_saphyr::from_str(&definition.text).unwrap();
            assert_eq!(read, definition.value, "{}", definition.file);
        }
    }

    #[test]
    fn nothing_is_said_about_metadata_lest_the_api_server_refuses() {
        for definition in definitions().unwrap() {
            let path = "/spec/versions/0/schema/openAPIV3Schema/properties/metadata";
            let metadata = definition.value.pointer(path);
            assert_eq!(metadata, Some(&serde_json::json!({"type": "object"})));
        }
    }

    #[test]
    fn every_member_of_ours_has_a_description() {
        let mut own = Types::new();
        source::add_to(&mut own).unwrap();
        for (name, object) in own {
            assert!(!object.description.is_empty(), "{name}");
            for field in object.fields {
                assert!(field.description.ends_with('.'), "{name}.{}", field.name);
            }
        }
    }

    #[test]
    fn a_stale_file_is_named() {
        let error = run(Path::new("/nonexistent"), Mode::Check).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("stale: /nonexistent/rollouts.yaml")
        );
    }
}

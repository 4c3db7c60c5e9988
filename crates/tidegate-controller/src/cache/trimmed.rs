//! What is not held of an object.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use tidegate_api::labels::LAST_APPLIED;

/// The members of an object, not read yet.
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// An object's text without what no decision reads and what is often larger than all the rest.
pub(super) fn trimmed(raw: &RawValue) -> Result<String, serde_json::Error> {
    let mut members: Members<'_> = serde_json::from_str(raw.get())?;
    let Some(metadata) = members.get("metadata") else {
        return Ok(raw.get().to_owned());
    };
    let mut metadata: Members<'_> = serde_json::from_str(metadata.get())?;
    metadata.remove("managedFields");
    let annotations = metadata
        .get("annotations")
        .and_then(|annotations| without_last_applied(annotations));
    if let Some(annotations) = &annotations {
        metadata.insert("annotations".to_owned(), annotations);
    }
    let metadata = to_raw_value(&metadata)?;
    members.insert("metadata".to_owned(), &metadata);
    serde_json::to_string(&members)
}

/// The annotations without kubectl's copy of the object, if there is one.
fn without_last_applied(annotations: &RawValue) -> Option<Box<RawValue>> {
    let mut members: Members<'_> = serde_json::from_str(annotations.get()).ok()?;
    members.remove(LAST_APPLIED)?;
    to_raw_value(&members).ok()
}

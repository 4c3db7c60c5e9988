//! The writes that bring a `VirtualService` from what was found to what is wanted.

use serde_json::{Value, json};
use tidegate_core::plan::{Event, ObjectKey, Route, Write};

use super::{guarded, updated, virtual_service::Routes};

/// A `VirtualService` on its way from what was found to what is wanted.
pub(super) struct Change<'o> {
    pub(super) key: ObjectKey,
    pub(super) object: &'o Value,
    pub(super) found: Routes,
    /// Without the routes that have to go.
    pub(super) cleared: Routes,
    pub(super) wanted: Routes,
    pub(super) told: Vec<Event>,
}

impl Change<'_> {
    /// The write that only takes routes away, if there are any.
    pub(super) fn removal(&mut self, route: &Route) -> Option<Write> {
        let removed = self.removed();
        let write = self.write(route, &self.cleared, removed.into_iter().collect());
        self.found = self.cleared.clone();
        write
    }

    /// The write that does all the rest.
    pub(super) fn rest(&mut self, route: &Route) -> Option<Write> {
        let told = std::mem::take(&mut self.told);
        self.write(route, &self.wanted, told)
    }

    fn removed(&self) -> Option<Event> {
        (self.found != self.cleared).then(|| {
            let name = &self.key.name;
            updated(format!(
                "VirtualService `{name}` removed all managed routes."
            ))
        })
    }

    fn write(&self, route: &Route, next: &Routes, events: Vec<Event>) -> Option<Write> {
        let spec = self.found.differences(next);
        (!spec.is_empty()).then(|| {
            let body = json!({ "spec": spec });
            guarded(self.key.clone(), self.object, body, (events, route))
        })
    }
}

//! What a path asks for.

use crate::cluster::kinds::{self, KindId, Kinds, Scope};

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/healthz`, `/livez`, `/readyz`.
    Healthy,
    /// `/version`.
    Version,
    /// `/api`.
    Core,
    /// `/apis`.
    Groups,
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    Resources(String, String),
    /// `/openapi/v3`.
    OpenApi,
    /// `/openapi/v3/api/v1` or `/openapi/v3/apis/GROUP/VERSION`.
    OpenApiOf(String, String),
    /// An access review of this kind.
    Review(&'static str),
    /// Objects.
    Resource(Place),
}

/// Objects of a kind, one object, or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The kind as it is stored.
    pub(super) kind: KindId,
    /// How its objects are shown.
    pub(super) view: View,
    /// The namespace, if the path names one.
    pub(super) namespace: Option<String>,
    /// The object, if the path names one.
    pub(super) name: Option<String>,
    /// `status`, `scale`, …; empty for the object itself.
    pub(super) part: String,
}

/// In which API version objects are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// As they are stored.
    Stored,
    /// Events as `events.k8s.io/v1` has them.
    NewEvents,
}

impl Route {
    /// What this path asks for; `None` if it is nothing that the model knows.
    pub(super) fn of_path(path: &str, kinds: &Kinds) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            ["healthz" | "livez" | "readyz", ..] => Some(Self::Healthy),
            ["version"] => Some(Self::Version),
            ["api"] => Some(Self::Core),
            ["apis"] => Some(Self::Groups),
            ["apis", group] => knows(kinds, group, None).then(|| Self::Group((*group).to_owned())),
            ["openapi", "v3"] => Some(Self::OpenApi),
            ["openapi", "v3", "api", version] => knows(kinds, "", Some(version))
                .then(|| Self::OpenApiOf(String::new(), (*version).to_owned())),
            ["openapi", "v3", "apis", group, version] => knows(kinds, group, Some(version))
                .then(|| Self::OpenApiOf((*group).to_owned(), (*version).to_owned())),
            ["api", version] => knows(kinds, "", Some(version))
                .then(|| Self::Resources(String::new(), (*version).to_owned())),
            ["apis", group, version] => knows(kinds, group, Some(version))
                .then(|| Self::Resources((*group).to_owned(), (*version).to_owned())),
            [
                "apis",
                "authorization.k8s.io",
                "v1",
                "selfsubjectaccessreviews",
            ] => Some(Self::Review("SelfSubjectAccessReview")),
            ["api", version, rest @ ..] => place(kinds, ("", version), rest).map(Self::Resource),
            ["apis", group, version, rest @ ..] => {
                place(kinds, (group, version), rest).map(Self::Resource)
            }
            _ => None,
        }
    }
}

/// Whether a group (and version) is served.
fn knows(kinds: &Kinds, group: &str, version: Option<&str>) -> bool {
    if group == "events.k8s.io" || group == "authorization.k8s.io" {
        return version.is_none_or(|version| version == "v1");
    }
    kinds.iter().any(|(_, kind)| {
        kind.group == group && version.is_none_or(|version| kind.version == version)
    })
}

fn place(kinds: &Kinds, group: (&str, &str), parts: &[&str]) -> Option<Place> {
    let (namespace, rest) = match parts {
        // A namespace itself, or a part of it.
        ["namespaces"] | ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => {
            (None, parts)
        }
        ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
        _ => (None, parts),
    };
    let (plural, name, part) = match rest {
        [plural] => (*plural, None, String::new()),
        [plural, name] => (*plural, Some(*name), String::new()),
        [plural, name, part] => (*plural, Some(*name), (*part).to_owned()),
        _ => return None,
    };
    let (kind, view) = if group == ("events.k8s.io", "v1") && plural == "events" {
        (kinds::EVENTS, View::NewEvents)
    } else {
        (kinds.of_path(group.0, group.1, plural)?, View::Stored)
    };
    let namespaced = kinds.get(kind).scope == Scope::Namespaced;
    if (namespace.is_some() && !namespaced) || (namespaced && namespace.is_none() && name.is_some())
    {
        return None;
    }
    Some(Place {
        kind,
        view,
        namespace,
        name: name.map(str::to_owned),
        part,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(path: &str) -> Option<Place> {
        match Route::of_path(path, &Kinds::standard()) {
            Some(Route::Resource(place)) => Some(place),
            _ => None,
        }
    }

    #[test]
    fn a_path_names_kind_namespace_name_and_part() {
        let place =
            place_of("/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web/status").unwrap();
        assert_eq!(place.kind, kinds::ROLLOUTS);
        assert_eq!(place.namespace.as_deref(), Some("shop"));
        assert_eq!(place.name.as_deref(), Some("web"));
        assert_eq!(place.part, "status");
    }

    #[test]
    fn a_namespace_is_an_object_of_the_cluster() {
        let place = place_of("/api/v1/namespaces/shop").unwrap();
        assert_eq!(
            (place.kind, place.name.as_deref()),
            (kinds::NAMESPACES, Some("shop"))
        );
        let place = place_of("/api/v1/namespaces/shop/pods").unwrap();
        assert_eq!((place.kind, place.name), (kinds::PODS, None));
    }

    #[test]
    fn events_have_two_addresses() {
        let place = place_of("/apis/events.k8s.io/v1/namespaces/shop/events").unwrap();
        assert_eq!((place.kind, place.view), (kinds::EVENTS, View::NewEvents));
    }

    #[test]
    fn what_is_not_served_is_nothing() {
        assert!(Route::of_path("/apis/nobody.io/v1", &Kinds::standard()).is_none());
        assert!(place_of("/api/v1/rollouts").is_none());
        assert!(place_of("/api/v1/pods/web").is_none());
    }
}

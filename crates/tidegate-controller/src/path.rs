//! Where objects are on the API server.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tidegate_core::plan::{ObjectKey, Resource};

/// What stands in a part of a path as it is (RFC 3986).
const PLAIN: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// The REST path of a kind, in a namespace unless that is empty.
pub fn of_kind(resource: &Resource, namespace: &str) -> String {
    let root = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    if namespace.is_empty() {
        format!("{root}/{}", resource.plural)
    } else {
        format!("{root}/namespaces/{namespace}/{}", resource.plural)
    }
}

/// A name that would lead to another place than to an object of that name; says what is wrong with it. Many names
/// come from whoever may write a manifest, and the controller may read more than these people: so it refuses them,
/// as Kubernetes' library for Go does, in its words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadName(String);

/// The REST path of one object.
///
/// # Errors
/// A name that cannot stand in one.
pub(crate) fn of_object(key: &ObjectKey) -> Result<String, BadName> {
    let namespace = match key.namespace.as_str() {
        "" => String::new(),
        namespace => part("namespace", namespace)?,
    };
    let name = part("resource name", &key.name)?;
    Ok(format!("{}/{name}", of_kind(&key.resource, &namespace)))
}

fn part(what: &str, name: &str) -> Result<String, BadName> {
    if name.is_empty() {
        return Err(BadName(format!("{what} may not be empty")));
    }
    let mut wrong = Vec::new();
    if matches!(name, "." | "..") {
        wrong.push(format!("may not be '{name}'"));
    }
    // Servers read a code for a slash as one.
    for sign in ["/", "%"] {
        if name.contains(sign) {
            wrong.push(format!("may not contain '{sign}'"));
        }
    }
    if wrong.is_empty() {
        return Ok(utf8_percent_encode(name, &PLAIN).to_string());
    }
    let wrong = wrong.join(" ");
    Err(BadName(format!("invalid {what} {name:?}: [{wrong}]")))
}

#[cfg(test)]
mod tests {
    use tidegate_core::plan::PODS;

    use super::*;

    #[track_caller]
    fn check_path((namespace, name): (&str, &str), expected: Result<&str, &str>) {
        let path = of_object(&ObjectKey::new(PODS, namespace, name));
        let path = path.map_err(|bad| bad.to_string());
        assert_eq!(path.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_name_leads_to_an_object_of_that_name_and_nowhere_else() {
        let named = |name| format!("/api/v1/namespaces/shop/pods/{name}");
        check_path(("shop", "web-1.a"), Ok(&named("web-1.a")));
        check_path(("", "system:a"), Ok("/api/v1/pods/system:a"));
        check_path(
            ("shop", "a b?watch=true#c"),
            Ok(&named("a%20b%3Fwatch%3Dtrue%23c")),
        );
        check_path(
            ("shop", "../../other/pods/web"),
            Err("invalid resource name \"../../other/pods/web\": [may not contain '/']"),
        );
        check_path(
            ("shop", "..%2fweb/"),
            Err("invalid resource name \"..%2fweb/\": [may not contain '/' may not contain '%']"),
        );
        check_path(
            ("..", "web"),
            Err("invalid namespace \"..\": [may not be '..']"),
        );
        check_path(("shop", ""), Err("resource name may not be empty"));
    }
}

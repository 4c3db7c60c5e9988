//! Field errors phrased as the Kubernetes API server phrases them:
//! `path: Kind of error: value: detail`.

use crate::observed::Finding;

/// A value is missing.
pub(crate) fn required(path: &str, detail: &str) -> Finding {
    with_detail(format!("{path}: Required value"), detail)
}

/// A value is not allowed here at all.
pub(crate) fn forbidden(path: &str, detail: &str) -> Finding {
    with_detail(format!("{path}: Forbidden"), detail)
}

/// The rules contradict each other or cannot be checked.
pub(crate) fn internal(path: &str, detail: &str) -> Finding {
    with_detail(format!("{path}: Internal error"), detail)
}

/// A text that is not acceptable.
pub(crate) fn invalid_text(path: &str, value: &str, detail: &str) -> Finding {
    Finding::invalid(path, &quote(value), detail)
}

/// A number or bool that is not acceptable.
pub(crate) fn invalid_plain(path: &str, value: impl std::fmt::Display, detail: &str) -> Finding {
    Finding::invalid(path, &value.to_string(), detail)
}

/// A list, a map or an object that is not acceptable; it is shown as JSON, members in the order in
/// which the wire has them.
pub(crate) fn invalid_json(path: &str, json: serde_json::Result<String>, detail: &str) -> Finding {
    Finding::invalid(path, &json.unwrap_or_default(), detail)
}

/// A null that is not acceptable.
pub(crate) fn invalid_null(path: &str, detail: &str) -> Finding {
    Finding::invalid(path, "null", detail)
}

/// A text that occurs a second time where it must be unique.
pub(crate) fn duplicate(path: &str, value: &str) -> Finding {
    Finding {
        message: format!("{path}: Duplicate value: {}", quote(value)),
    }
}

/// A name that names nothing.
pub(crate) fn not_found(path: &str, value: &str) -> Finding {
    Finding {
        message: format!("{path}: Not found: {}", quote(value)),
    }
}

/// A text outside a closed list.
pub(crate) fn unsupported(path: &str, value: &str, supported: &[&str]) -> Finding {
    let list: Vec<String> = supported.iter().map(|text| quote(text)).collect();
    Finding {
        message: format!(
            "{path}: Unsupported value: {}: supported values: {}",
            quote(value),
            list.join(", ")
        ),
    }
}

/// A number below zero.
pub(crate) fn non_negative(path: &str, value: i64) -> Option<Finding> {
    (value < 0).then(|| invalid_plain(path, value, "must be greater than or equal to 0"))
}

/// A text in quotes, special characters escaped as in a Go string literal.
pub(crate) fn quote(text: &str) -> String {
    tidegate_gocompat::quote::quote(text.as_bytes())
}

fn with_detail(head: String, detail: &str) -> Finding {
    let message = if detail.is_empty() {
        head
    } else {
        format!("{head}: {detail}")
    };
    Finding { message }
}

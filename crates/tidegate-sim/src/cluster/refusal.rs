//! What the API server answers when it does not do what was asked: code, reason, sentence.

use serde_json::{Value, json};

use super::kinds::Kind;

/// Why a request was refused, in Kubernetes' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// 400: the request makes no sense.
    BadRequest,
    /// 403: not allowed, whoever asks.
    Forbidden,
    /// 404: no such object or kind.
    NotFound,
    /// 405: the kind does not know the verb.
    MethodNotAllowed,
    /// 409: the name is taken.
    AlreadyExists,
    /// 409: the object is not the one the request was made for.
    Conflict,
    /// 410: the asked-for version lies too far back.
    Expired,
    /// 413: the object is too large to be stored.
    TooLarge,
    /// 415: no such patch for this kind.
    UnsupportedMediaType,
    /// 422: the object breaks a rule.
    Invalid,
    /// 429: not now.
    TooManyRequests,
    /// 500: with a sentence only.
    InternalError,
}

impl Reason {
    /// The HTTP status code.
    pub fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::AlreadyExists | Self::Conflict => 409,
            Self::Expired => 410,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::InternalError => 500,
        }
    }

    /// The word in `status.reason`.
    pub fn word(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequest",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::Expired => "Expired",
            Self::TooLarge => "RequestEntityTooLarge",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::Invalid => "Invalid",
            Self::TooManyRequests => "TooManyRequests",
            Self::InternalError => "InternalError",
        }
    }
}

/// One rule that an object breaks, as in `status.details.causes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Path of the field, such as `spec.replicas`.
    pub field: String,
    /// `FieldValueRequired`, `FieldValueInvalid`, …
    pub reason: &'static str,
    /// `Required value`, `Invalid value: …` with its detail.
    pub message: String,
}

impl Cause {
    /// The field must be there.
    pub(crate) fn required(field: &str, detail: &str) -> Self {
        let message = if detail.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {detail}")
        };
        Self {
            field: field.to_owned(),
            reason: "FieldValueRequired",
            message,
        }
    }

    /// The field has a value that it may not have.
    pub(crate) fn invalid(field: &str, value: &Value, detail: &str) -> Self {
        Self {
            field: field.to_owned(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {detail}"),
        }
    }
}

/// A refused request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The sentence for people.
    pub message: String,
    /// `status.details`; null if there are none.
    pub details: Value,
}

impl Refusal {
    /// A refusal with a sentence only.
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            details: Value::Null,
        }
    }

    /// 400 with this sentence.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Reason::BadRequest, message)
    }

    /// 404 for an object.
    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::about(
            Reason::NotFound,
            kind,
            name,
            &format!("{} \"{name}\" not found", kind.resource_name()),
        )
    }

    /// 409: the name is taken.
    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        Self::about(
            Reason::AlreadyExists,
            kind,
            name,
            &format!("{} \"{name}\" already exists", kind.resource_name()),
        )
    }

    /// 409: the guard of the request does not hold.
    pub(crate) fn conflict(kind: &Kind, name: &str, detail: &str) -> Self {
        Self::about(
            Reason::Conflict,
            kind,
            name,
            &format!(
                "Operation cannot be fulfilled on {} \"{name}\": {detail}",
                kind.resource_name()
            ),
        )
    }

    /// 409: the object was written since it was read.
    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        Self::conflict(
            kind,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 403 for an object.
    pub(crate) fn forbidden(kind: &Kind, name: &str, detail: &str) -> Self {
        Self::about(
            Reason::Forbidden,
            kind,
            name,
            &format!("{} \"{name}\" is forbidden: {detail}", kind.resource_name()),
        )
    }

    /// 429: a disruption budget keeps a pod, and why.
    pub(crate) fn protected(detail: &str) -> Self {
        Self {
            reason: Reason::TooManyRequests,
            message: "Cannot evict pod as it would violate the pod's disruption budget.".to_owned(),
            details: json!({"causes": [{"reason": "DisruptionBudget", "message": detail}]}),
        }
    }

    /// 422 with everything that is wrong.
    pub(crate) fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        let mut sentences: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let text = if sentences.len() == 1 {
            sentences.remove(0)
        } else {
            format!("[{}]", sentences.join(", "))
        };
        let qualified = if kind.group.is_empty() {
            kind.kind.clone()
        } else {
            format!("{}.{}", kind.kind, kind.group)
        };
        let causes: Vec<Value> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        Self {
            reason: Reason::Invalid,
            message: format!("{qualified} \"{name}\" is invalid: {text}"),
            details: json!({"name": name, "group": kind.group, "kind": kind.kind, "causes": causes}),
        }
    }

    fn about(reason: Reason, kind: &Kind, name: &str, message: &str) -> Self {
        let mut details = json!({"name": name, "kind": kind.plural});
        if !kind.group.is_empty() {
            details["group"] = json!(kind.group);
        }
        Self {
            reason,
            message: message.to_owned(),
            details,
        }
    }

    /// The `Status` object of the answer.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason.word(),
            "code": self.reason.code(),
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

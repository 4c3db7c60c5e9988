//! The primary cluster in words: which one it is, what is wrong with it, and what to do.

use http::Uri;
use tidegate_api::labels;
use tidegate_core::plan::Resource;

use crate::server::Unanswered;

/// A cluster that a Secret names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Its address, without who asks.
    address: String,
    /// The Secret: namespace and name.
    secret: String,
}

impl Remote {
    pub(super) fn new(secret: &str, address: &Uri) -> Self {
        let host = address.host().unwrap_or_default();
        let port = address.port_u16();
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = address.scheme_str().unwrap_or("https");
        Self {
            address: format!("{scheme}://{host}{port}"),
            secret: secret.to_owned(),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    fn named(&self) -> String {
        format!(
            "the primary cluster {} that Secret {} names",
            self.address, self.secret
        )
    }

    /// Why nothing can be seen of a kind there.
    pub(crate) fn absence(&self, resource: &Resource, error: &Unanswered) -> String {
        let kind = format!("{}.{}", resource.plural, resource.group);
        let cluster = self.named();
        match error {
            Unanswered::Refused(refused) if refused.code == 404 => format!(
                "{cluster} serves no {kind} in version {}: install Istio there, name another version with the \
                 controller's flag --istio-api-version, or take the label {} off the Secret",
                resource.version,
                labels::PRIMARY_CLUSTER
            ),
            Unanswered::Refused(refused) if refused.code == 401 => format!(
                "{cluster} does not accept the credentials in it ({}): put a kubeconfig with valid ones into the \
                 Secret",
                refused.message
            ),
            Unanswered::Refused(refused) if refused.code == 403 => {
                self.refusal(resource, &refused.message)
            }
            Unanswered::Refused(_)
            | Unanswered::Unaskable(_)
            | Unanswered::NeverSent(_)
            | Unanswered::Lost(_)
            | Unanswered::Silent(_) => self.unreachable(&error.to_string()),
        }
    }

    /// It does not answer.
    pub(super) fn unreachable(&self, why: &str) -> String {
        format!(
            "{} cannot be reached: {why}: see that it runs and that nothing between it and the controller is in the \
             way, or put a kubeconfig with another address into the Secret",
            self.named()
        )
    }

    /// It does not let the controller do something.
    pub(super) fn refusal(&self, resource: &Resource, why: &str) -> String {
        format!(
            "{} refuses: {why}: let the user of that kubeconfig get, list, watch and patch {}.{} there",
            self.named(),
            resource.plural,
            resource.group
        )
    }
}

#[cfg(test)]
mod tests {
    use tidegate_core::plan::VIRTUAL_SERVICES;

    use super::*;
    use crate::server::Refused;

    #[test]
    fn what_is_wrong_names_the_secret_the_address_and_what_to_do() {
        let address = "https://admin:hunter2@primary.example.com:6443/path";
        let remote = Remote::new("mesh/primary", &address.parse().unwrap());
        let refused = |code, message: &str| {
            let refused = Refused {
                code,
                reason: String::new(),
                message: message.to_owned(),
                retry_after: None,
            };
            remote.absence(&VIRTUAL_SERVICES, &Unanswered::Refused(refused))
        };
        let named =
            "the primary cluster https://primary.example.com:6443 that Secret mesh/primary names";
        for (sentence, rest) in [
            (
                refused(401, "Unauthorized"),
                " does not accept the credentials in it (Unauthorized): put a kubeconfig with valid ones into the Secret",
            ),
            (
                refused(403, "no"),
                " refuses: no: let the user of that kubeconfig get, list, watch and patch virtualservices.networking.istio.io there",
            ),
            (
                refused(404, "no"),
                " serves no virtualservices.networking.istio.io in version v1alpha3: install Istio there, name another version with the controller's flag --istio-api-version, or take the label istio.argoproj.io/primary-cluster off the Secret",
            ),
            (
                refused(500, "broken"),
                " cannot be reached: broken: see that it runs and that nothing between it and the controller is in the way, or put a kubeconfig with another address into the Secret",
            ),
        ] {
            assert_eq!(sentence, format!("{named}{rest}"));
        }
    }
}

//! What of a pod template nobody can read, as far as pods can do without it.

use serde_json::{Value, json};

use crate::{
    document::merge_patch,
    quantity::Quantity,
    shape::{POD_TEMPLATE, check},
};

/// A template without what nobody can read in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Readable {
    /// The rest of it.
    pub template: Value,
    /// What that is without.
    pub left_out: LeftOut,
}

/// What nobody can read in a template.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// Path and fault of each field.
    pub fields: Vec<String>,
    /// The merge patch of the template that takes them out.
    pub patch: Value,
}

/// Leaves out requested amounts that are no quantities, and ephemeral containers of which not all can be
/// read. `None` if there are none. Keeps QUE-15, as far as that is safe: a request says how much room
/// a pod likes to have, and templates have no ephemeral containers.
///
/// Differs from upstream: a limit protects others, so one that nobody can read is left to the API server,
/// which refuses it, like everything else; upstream leaves out whatever stands behind it, too.
pub fn readable(template: &Value) -> Option<Readable> {
    let spec = template.get("spec")?;
    let mut fields = Vec::new();
    let mut rest = None;
    for list in ["initContainers", "containers"] {
        let containers = spec.get(list).and_then(Value::as_array);
        for (index, container) in containers.into_iter().flatten().enumerate() {
            for (name, amount) in unreadable_requests(container) {
                let path = format!("/spec/{list}/{index}/resources/requests");
                remove(rest.get_or_insert_with(|| template.clone()), &path, name);
                let field =
                    format!("spec.template.spec.{list}[{index}].resources.requests[{name}]");
                fields.push(format!("{field}: {amount} is no quantity"));
            }
        }
    }
    let name = "ephemeralContainers";
    if let Some(containers) = spec.get(name)
        && check(&POD_TEMPLATE, &json!({"spec": {name: containers}})).is_err()
    {
        remove(rest.get_or_insert_with(|| template.clone()), "/spec", name);
        fields.push(format!("spec.template.spec.{name}: they cannot be read"));
    }
    let rest = rest?;
    let patch = merge_patch(template, &rest)?;
    Some(Readable {
        template: rest,
        left_out: LeftOut { fields, patch },
    })
}

fn unreadable_requests(container: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let requests = container.pointer("/resources/requests");
    let requests = requests.and_then(Value::as_object).into_iter().flatten();
    requests
        .filter(|(_, amount)| !is_quantity(amount))
        .map(|(name, amount)| (name.as_str(), amount))
}

fn is_quantity(amount: &Value) -> bool {
    match amount {
        Value::Null => true,
        Value::String(text) => Quantity::parse(text).is_ok(),
        Value::Number(number) => Quantity::parse(&number.to_string()).is_ok(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn remove(template: &mut Value, path: &str, name: &str) {
    if let Some(members) = template.pointer_mut(path).and_then(Value::as_object_mut) {
        members.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod_template::hash;

    fn template(resources: &Value) -> Value {
        json!({"spec": {"containers": [
            {"name": "web", "image": "shop:1", "resources": resources, "volumeMounts": [{"name": "data"}]},
        ]}})
    }

    #[test]
    fn what_can_be_read_stays_as_it_is() {
        let requests = json!({"memory": "1Gi", "cpu": 0.5, "pods": null});
        assert_eq!(readable(&template(&json!({"requests": requests}))), None);
        assert_eq!(
            readable(&json!({"spec": {"ephemeralContainers": [{"name": "look"}]}})),
            None
        );
        assert_eq!(readable(&json!({})), None);
    }

    #[test]
    fn a_request_that_is_no_quantity_is_left_out_and_named() {
        let resources =
            json!({"requests": {"memory": "much", "cpu": "1m"}, "limits": {"memory": "more"}});
        let readable = readable(&template(&resources)).unwrap();
        let rest = json!({"requests": {"cpu": "1m"}, "limits": {"memory": "more"}});
        assert_eq!(readable.template, template(&rest));
        let containers = &readable.template["spec"]["containers"];
        assert_eq!(
            readable.left_out.patch,
            json!({"spec": {"containers": containers}})
        );
        assert_eq!(
            readable.left_out.fields,
            [
                r#"spec.template.spec.containers[0].resources.requests[memory]: "much" is no quantity"#
            ]
        );
    }

    #[test]
    fn a_limit_that_is_no_quantity_is_for_the_api_server_to_refuse() {
        assert_eq!(
            readable(&template(&json!({"limits": {"memory": "much"}}))),
            None
        );
    }

    #[test]
    fn ephemeral_containers_that_cannot_be_read_are_left_out_as_a_whole() {
        let mut given = template(&json!({}));
        given["spec"]["ephemeralContainers"] = json!([
            {"name": "look"},
            {"name": "look", "resources": {"requests": {"memory": "much"}}},
        ]);
        let readable = readable(&given).unwrap();
        assert_eq!(readable.template, template(&json!({})));
        assert_eq!(
            readable.left_out.fields,
            ["spec.template.spec.ephemeralContainers: they cannot be read"]
        );
    }

    /// The ReplicaSet that upstream has made of such a template is found again.
    #[test]
    fn the_hash_is_that_of_a_template_without_it() {
        let without = hash(&template(&json!({})), None);
        let given = template(&json!({"requests": {"memory": "much"}}));
        assert_eq!(hash(&readable(&given).unwrap().template, None), without);
        assert_ne!(hash(&given, None), without);
    }
}

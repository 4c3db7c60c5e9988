//! Kubernetes' rules for names, with the sentences that say what is wrong: one for each rule broken.

const LABEL_MAX: usize = 63;
const SUBDOMAIN_MAX: usize = 253;
const PORT_MAX: usize = 15;

const QUALIFIED_FORM: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// What is wrong with a DNS label (RFC 1123): names of containers, volumes and namespaces.
pub fn dns_label_faults(name: &str) -> Vec<String> {
    let mut faults = too_long(name, LABEL_MAX);
    if !is_dns_label(name) && name.split('.').all(is_dns_label) {
        faults.push("must not contain dots".to_owned());
    } else if !is_dns_label(name) {
        faults.push("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')".to_owned());
    }
    faults
}

/// What is wrong with a DNS subdomain (RFC 1123): names of most objects.
pub fn dns_subdomain_faults(name: &str) -> Vec<String> {
    let mut faults = too_long(name, SUBDOMAIN_MAX);
    if !name.split('.').all(is_dns_label) {
        faults.push("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')".to_owned());
    }
    faults
}

/// What is wrong with the beginning of a generated name, which may end with a dash.
pub fn name_prefix_faults(prefix: &str) -> Vec<String> {
    match prefix.strip_suffix('-') {
        // A dash behind a first character stands for what is generated.
        Some(rest) if !rest.is_empty() => dns_subdomain_faults(&format!("{rest}a")),
        Some(_) | None => dns_subdomain_faults(prefix),
    }
}

/// What is wrong with a DNS label of the old kind (RFC 1035): names of Services.
pub fn dns_1035_label_faults(name: &str) -> Vec<String> {
    let mut faults = too_long(name, LABEL_MAX);
    if !is_dns_label(name) || !name.starts_with(|char: char| char.is_ascii_lowercase()) {
        faults.push("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')".to_owned());
    }
    faults
}

/// What is wrong with the name of a label or annotation: a name, perhaps with a DNS subdomain and a
/// slash before it.
pub fn qualified_name_faults(name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let parts: Vec<&str> = name.split('/').collect();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".to_owned());
            } else {
                let wrong = dns_subdomain_faults(prefix);
                faults.extend(
                    wrong
                        .into_iter()
                        .map(|fault| format!("prefix part {fault}")),
                );
            }
            *name
        }
        _ => {
            return vec![format!(
                "a qualified name {QUALIFIED_FORM} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    }
    let long = too_long(name, LABEL_MAX);
    faults.extend(long.into_iter().map(|fault| format!("name part {fault}")));
    if !is_qualified(name) {
        faults.push(format!("name part {QUALIFIED_FORM}"));
    }
    faults
}

/// What is wrong with the value of a label.
pub fn label_value_faults(value: &str) -> Vec<String> {
    let mut faults = too_long(value, LABEL_MAX);
    if !value.is_empty() && !is_qualified(value) {
        faults.push("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')".to_owned());
    }
    faults
}

/// What is wrong with the name of a port.
pub fn port_name_faults(name: &str) -> Vec<String> {
    let mut faults = too_long(name, PORT_MAX);
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_plain) {
        faults.push(
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        );
    }
    if !name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        faults.push("must contain at least one letter (a-z)".to_owned());
    }
    if name.contains("--") {
        faults.push("must not contain consecutive hyphens".to_owned());
    }
    if name.starts_with('-') || name.ends_with('-') {
        faults.push("must not begin or end with a hyphen".to_owned());
    }
    faults
}

/// What is wrong with the name of an HTTP header.
pub fn header_name_faults(name: &str) -> Vec<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !name.is_empty() && name.bytes().all(is_plain) {
        return Vec::new();
    }
    vec!["a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')".to_owned()]
}

fn too_long(text: &str, most: usize) -> Vec<String> {
    if text.len() > most {
        return vec![format!("must be no more than {most} characters")];
    }
    Vec::new()
}

fn is_dns_label(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(is_plain)
        && name.bytes().last().is_some_and(is_plain)
        && name.bytes().all(|byte| is_plain(byte) || byte == b'-')
}

fn is_qualified(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    name.bytes().next().is_some_and(is_plain)
        && name.bytes().last().is_some_and(is_plain)
        && name
            .bytes()
            .all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_have_no_faults() {
        assert!(dns_label_faults("a-1").is_empty());
        assert!(dns_subdomain_faults("a-1.b").is_empty());
        assert!(name_prefix_faults("a-").is_empty());
        assert!(dns_1035_label_faults("a-1").is_empty());
        assert!(qualified_name_faults("x.io/A_b.c").is_empty());
        assert!(label_value_faults("").is_empty());
        assert!(port_name_faults("http-2").is_empty());
        assert!(header_name_faults("X-A").is_empty());
    }

    #[test]
    fn each_rule_that_is_broken_is_named() {
        assert_eq!(dns_label_faults(&"A".repeat(64)).len(), 2);
        assert_eq!(dns_label_faults("a.b"), ["must not contain dots"]);
        assert_eq!(port_name_faults("-1--1-").len(), 3);
        assert_eq!(qualified_name_faults("/").len(), 3);
        assert_eq!(qualified_name_faults("a/b/c").len(), 1);
        assert_eq!(dns_1035_label_faults("1a").len(), 1);
        assert_eq!(name_prefix_faults("-").len(), 1);
    }
}

//! Names of images, as far as a pull policy follows from them.

/// The longest name that is one.
const NAME_LIMIT: usize = 255;

/// Whether pods take this image anew each time unless they say otherwise: those that name the tag
/// `latest`, or neither tag nor digest. Not so what is no image's name at all.
pub(super) fn is_latest(image: &str) -> bool {
    let (image, digest) = match image.split_once('@') {
        Some((image, digest)) => (image, Some(digest)),
        None => (image, None),
    };
    let (name, tag) = match image.rsplit_once(':') {
        // What stands behind the colon is a port if a path follows.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        Some(_) | None => (image, None),
    };
    let is_well_formed = is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
    match tag {
        Some(tag) => is_well_formed && tag == "latest",
        None => is_well_formed && digest.is_none(),
    }
}

fn is_name(name: &str) -> bool {
    let (domain, path) = match name.split_once('/') {
        Some((first, rest)) if is_meant_as_domain(first) => (Some(first), rest),
        Some(_) | None => (None, name),
    };
    let is_identifier = name.len() == 64 && name.bytes().all(is_lower_hex);
    !is_identifier
        && full_length(domain, path) <= NAME_LIMIT
        && domain.is_none_or(is_domain)
        && path.split('/').all(is_path_part)
}

/// With the parts that a short name stands for.
fn full_length(domain: Option<&str>, path: &str) -> usize {
    let domain = domain.map_or("docker.io".len(), str::len);
    let library = if path.contains('/') {
        0
    } else {
        "library/".len()
    };
    domain + 1 + library + path.len()
}

fn is_meant_as_domain(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':']) || part.chars().any(char::is_uppercase)
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (domain, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        Some(address) => {
            !address.is_empty()
                && address
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || byte == b':')
        }
        None => host.split('.').all(is_domain_part),
    };
    is_host && port.is_none_or(is_port)
}

fn is_domain_part(part: &str) -> bool {
    let bytes = part.as_bytes();
    let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    is_plain(bytes.first())
        && is_plain(bytes.last())
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Lower case letters and digits, with one dot, one or two underscores or any dashes between them.
fn is_path_part(part: &str) -> bool {
    let is_plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let mut separators = part.split(is_plain);
    let starts_plain = separators.next() == Some("");
    let ends_plain = part.ends_with(is_plain);
    starts_plain
        && ends_plain
        && separators.all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

/// Digests of the usual algorithms have a length of their own; others are not known.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return false;
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(is_lower_hex)
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_tag_and_digest_are_the_latest() {
        for image in [
            "shop",
            "shop:latest",
            "a.b/c/shop",
            "localhost:5000/shop",
            "a__b/c-d",
        ] {
            assert!(is_latest(image), "{image}");
        }
    }

    #[test]
    fn what_has_a_tag_or_a_digest_or_is_no_name_is_not() {
        let digest = format!("shop@sha256:{}", "0".repeat(64));
        for image in [
            "shop:1", "", "Shop", "shop:", ":latest", "a_-b", &digest, "shop@x:1", "a/B",
        ] {
            assert!(!is_latest(image), "{image}");
        }
    }
}

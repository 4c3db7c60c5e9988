//! Names with passwords: in headers, and in addresses.

use base64::Engine;
use percent_encoding::percent_decode_str;
use url::Url;

/// What a header says in place of a name and a password.
pub(super) fn code(name: &str, password: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"))
}

/// What is sent for an address with a name and a password in it.
pub(super) fn code_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let password = url.password()?;
    let plain = |text| percent_decode_str(text).decode_utf8_lossy();
    Some(code(&plain(url.username()), &plain(password)))
}

/// An address as anybody may see it.
pub(super) fn without_credentials(address: &str) -> String {
    match Url::parse(address) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string()
        }
        Ok(_) => address.to_owned(),
        // Nobody can say where they end.
        Err(_) => match (address.split_once("://"), address.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
            (None, _) | (_, None) => address.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, shown: &str, code: Option<&str>) {
        assert_eq!(without_credentials(address), shown);
        assert_eq!(code_of(address).as_deref(), code);
    }

    #[test]
    fn nobody_sees_the_password_of_an_address() {
        check("http://p:9090", "http://p:9090", None);
        check(
            "http://u:p%40s@p:9090/x",
            "http://p:9090/x",
            Some("dTpwQHM="),
        );
        check("http://u@p/x", "http://p/x", None);
        check("http://u:p@no host/x", "http://no host/x", None);
    }
}

//! The files in which profiles are written down: sections with members, a line each.

use std::collections::BTreeMap;

/// All profiles of both files.
#[derive(Clone, Default)]
pub(super) struct Profiles(BTreeMap<String, BTreeMap<String, String>>);

impl Profiles {
    /// Takes the file with keys: its sections are the profiles' names. What it says goes over the other file.
    pub(super) fn read_credentials(&mut self, text: &str) {
        for (section, name, value) in members(text) {
            let profile = self.0.entry(section.to_owned()).or_default();
            profile.insert(name, value);
        }
    }

    /// Takes the other file: its sections are called `profile name`, but for `default`.
    pub(super) fn read_config(&mut self, text: &str) {
        for (section, name, value) in members(text) {
            let profile = match section.split_once(char::is_whitespace) {
                Some(("profile", profile)) => profile.trim(),
                None if section == "default" => section,
                Some(_) | None => continue,
            };
            let profile = self.0.entry(profile.to_owned()).or_default();
            profile.entry(name).or_insert(value);
        }
    }

    /// Whether there is such a profile.
    pub(super) fn has(&self, profile: &str) -> bool {
        self.0.contains_key(profile)
    }

    /// A member of a profile; empty if there is none.
    pub(super) fn get(&self, profile: &str, name: &str) -> &str {
        self.0
            .get(profile)
            .and_then(|members| members.get(name))
            .map_or("", String::as_str)
    }

    /// The region of a profile.
    pub(super) fn region(&self, profile: &str) -> &str {
        self.get(profile, "region")
    }
}

/// Section, name and value of each member.
fn members(text: &str) -> impl Iterator<Item = (&str, String, String)> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        let is_nested = line.starts_with(char::is_whitespace);
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            return None;
        }
        if let Some(rest) = line.strip_prefix('[') {
            section = rest.split(']').next().unwrap_or_default().trim();
            return None;
        }
        // What is indented belongs to a member that says nothing of keys.
        let (name, value) = line.split_once('=').filter(|_| !is_nested)?;
        let value = value.split(" #").next().unwrap_or_default();
        let value = value.split(" ;").next().unwrap_or_default();
        Some((
            section,
            name.trim().to_ascii_lowercase(),
            value.trim().to_owned(),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_with_keys_says_goes_over_the_other() {
        let mut profiles = Profiles::default();
        profiles.read_credentials("# mine\n[default]\naws_access_key_id = A\n\n[two]\nregion=r2\n");
        profiles.read_config(
            "[default]\nAWS_Access_Key_Id = B\nregion = r1 # here\ns3 =\n  region = r9\n\
             [profile  three]\nrole_arn=arn:x=y\n[sso-session four]\nregion = r4\n[two]\nregion = r5",
        );
        assert_eq!(profiles.get("default", "aws_access_key_id"), "A");
        assert_eq!(profiles.region("default"), "r1");
        assert_eq!(profiles.region("two"), "r2");
        assert_eq!(profiles.get("three", "role_arn"), "arn:x=y");
        assert!(!profiles.has("four"));
    }
}

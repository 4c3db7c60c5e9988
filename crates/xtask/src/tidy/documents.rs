//! Documents: what the code says it keeps is listed, and the map shows every room.

use std::collections::{BTreeMap, BTreeSet};

use super::{Complaints, File};

/// Families of behaviours, as the code's documentation names them.
const FAMILIES: [&str; 24] = [
    "QUE", "RSI", "WLR", "REV", "SCL", "STS", "PDL", "DUR", "EVT", "RBK", "CAN", "TRF", "TR", "BG",
    "ANA", "MP", "EXP", "ACT", "VAL", "CLI", "OPS", "AVL", "EPH", "OB",
];

/// Rooms whose documentation says what they do. (The contract's says what a field is for, even if nobody acts
/// upon it yet.)
const DOING: [&str; 5] = [
    "crates/tidegate-core/src/",
    "crates/tidegate-integrations/src/",
    "crates/tidegate-controller/src/",
    "crates/tidegate-cli/src/",
    "crates/tidegate-gocompat/src/",
];

/// Documents that a reader expects.
const EXPECTED: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "STYLE.md",
    "COMPATIBILITY.md",
    "CHANGELOG.md",
    "LICENSE",
    "docs/adr/README.md",
];

/// Every rule about documents.
pub(super) fn all(files: &[File]) -> Complaints {
    let mut complaints: Complaints = EXPECTED
        .iter()
        .filter(|path| !files.iter().any(|file| file.path == **path))
        .map(|path| format!("{path}: missing"))
        .collect();
    complaints.extend(behaviours(files));
    complaints.extend(rooms(files));
    complaints.extend(decisions(files));
    complaints
}

/// Every behaviour has one row, and what the code names has a row.
fn behaviours(files: &[File]) -> Complaints {
    let Some(table) = text(files, "COMPATIBILITY.md") else {
        return Complaints::new();
    };
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, _) in self::rows(table) {
        *rows.entry(id).or_default() += 1;
    }
    let mut complaints: Complaints = rows
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(id, count)| format!("COMPATIBILITY.md: {count} rows for {id}"))
        .collect();
    let mut told = BTreeSet::new();
    for file in files {
        if !DOING.iter().any(|room| file.path.starts_with(room)) {
            continue;
        }
        for id in ids(&file.text) {
            if !rows.contains_key(id) && told.insert(id) {
                complaints.push(format!(
                    "COMPATIBILITY.md: no row for {id}, which {} names",
                    file.path
                ));
            }
        }
    }
    complaints
}

/// The rows of the table of behaviours: the id, and what is said of it here.
pub(super) fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let id = cells.next()?;
        let here = cells.nth(1).unwrap_or_default();
        (ids(id).next() == Some(id)).then_some((id, here))
    })
}

/// The ids of behaviours in a text.
pub(super) fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
        .filter(|word| {
            word.split_once('-').is_some_and(|(family, number)| {
                FAMILIES.contains(&family)
                    && (2..=3).contains(&number.len())
                    && number.bytes().all(|digit| digit.is_ascii_digit())
            })
        })
}

/// The map shows every room.
fn rooms(files: &[File]) -> Complaints {
    let Some(map) = text(files, "ARCHITECTURE.md") else {
        return Complaints::new();
    };
    files
        .iter()
        .filter_map(|file| {
            file.path
                .strip_prefix("crates/")?
                .strip_suffix("/Cargo.toml")
        })
        .filter(|room| !map.contains(&format!("`{room}`")))
        .map(|room| format!("ARCHITECTURE.md: does not name {room}"))
        .collect()
}

/// The list of decisions is complete.
fn decisions(files: &[File]) -> Complaints {
    let Some(list) = text(files, "docs/adr/README.md") else {
        return Complaints::new();
    };
    files
        .iter()
        .filter_map(|file| file.path.strip_prefix("docs/adr/"))
        .filter(|name| *name != "README.md" && !list.contains(&format!("({name})")))
        .map(|name| format!("docs/adr/README.md: does not list {name}"))
        .collect()
}

pub(super) fn text<'a>(files: &'a [File], path: &str) -> Option<&'a str> {
    files
        .iter()
        .find(|file| file.path == path)
        .map(|file| file.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::{super::one, *};

    fn tree(files: &[(&str, &str)]) -> Vec<File> {
        files
            .iter()
            .flat_map(|(path, text)| one(path, text))
            .collect()
    }

    #[test]
    fn a_behaviour_without_a_row_is_told() {
        let code = ("crates/tidegate-core/src/x.rs", "/// Keeps CAN-05.\n");
        let listed = tree(&[code, ("COMPATIBILITY.md", "| CAN-05 | x | kept |\n")]);
        assert!(behaviours(&listed).is_empty());
        let unlisted = tree(&[code, ("COMPATIBILITY.md", "| CAN-06 | x | see CAN-05 |\n")]);
        assert_eq!(behaviours(&unlisted).len(), 1);
    }

    #[test]
    fn two_rows_for_one_behaviour_are_told() {
        let twice = tree(&[(
            "COMPATIBILITY.md",
            "| CAN-05 | x | kept |\n| CAN-05 | y | kept |\n",
        )]);
        assert_eq!(behaviours(&twice).len(), 1);
    }

    #[test]
    fn a_room_that_the_map_does_not_show_is_told() {
        let file = ("crates/tidegate-new/Cargo.toml", "");
        assert_eq!(
            rooms(&tree(&[file, ("ARCHITECTURE.md", "`tidegate-core`")])).len(),
            1
        );
        assert!(rooms(&tree(&[file, ("ARCHITECTURE.md", "`tidegate-new`")])).is_empty());
    }

    #[test]
    fn a_decision_that_is_not_listed_is_told() {
        let file = ("docs/adr/0009-x.md", "");
        assert_eq!(
            decisions(&tree(&[file, ("docs/adr/README.md", "")])).len(),
            1
        );
    }

    #[test]
    fn a_missing_document_is_told() {
        assert_eq!(all(&[]).len(), EXPECTED.len());
    }
}

//! The tutorial as a list of what its reader does: files to save, lines to add, commands to run. A block
//! that is none of these is an error.

use anyhow::{Context, Result, bail};
use regex::Regex;

/// What a reader does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Saves a block as a file.
    Save {
        /// What it is called.
        name: String,
        /// What is in it.
        text: String,
    },
    /// Adds a block to a file that was saved before.
    Add {
        /// What the file is called.
        name: String,
        /// The line behind which the block goes, without its indentation.
        below: String,
        /// The lines.
        text: String,
    },
    /// Runs a command and looks at what it says.
    Run {
        /// The line of the page.
        line: usize,
        /// As a shell reads it.
        command: String,
        /// What the page says that the reader sees.
        shown: Vec<String>,
    },
}

/// A fenced block.
struct Block<'a> {
    line: usize,
    language: &'a str,
    /// The last line with text before it.
    before: &'a str,
    lines: Vec<&'a str>,
}

/// Reads a page.
///
/// # Errors
/// When a block is not understood; its line is named.
pub(crate) fn parts(page: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for block in blocks(page)? {
        let at = || format!("line {}", block.line);
        match block.language {
            "yaml" => parts.push(file(&block).with_context(at)?),
            "console" => parts.extend(commands(&block).with_context(at)?),
            other => bail!(
                "line {}: nobody knows how to try a block of {other:?}",
                block.line
            ),
        }
    }
    Ok(parts)
}

fn blocks(page: &str) -> Result<Vec<Block<'_>>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    let mut before = "";
    for (index, line) in page.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, open) {
            (Some(language), false) => {
                open = true;
                blocks.push(Block {
                    line: index + 1,
                    language,
                    before,
                    lines: Vec::new(),
                });
            }
            (Some(_), true) => open = false,
            (None, true) => blocks
                .last_mut()
                .context("a block is open")?
                .lines
                .push(line),
            (None, false) if line.starts_with("~~~") || line.starts_with("    ") => {
                bail!("line {}: only blocks between ``` are tried", index + 1)
            }
            (None, false) if line.trim().is_empty() => {}
            (None, false) => before = line,
        }
    }
    if open {
        bail!("the last block has no end");
    }
    Ok(blocks)
}

/// A manifest is saved or added to one; the line before it says which.
fn file(block: &Block<'_>) -> Result<Part> {
    let save = Regex::new("Save as `([a-z.-]+)`:$")?;
    let add = Regex::new("In `([a-z.-]+)`, below `([^`]+)`, add:$")?;
    let mut text = block.lines.join("\n");
    text.push('\n');
    if let Some(found) = save.captures(block.before) {
        return Ok(Part::Save {
            name: found[1].to_owned(),
            text,
        });
    }
    if let Some(found) = add.captures(block.before) {
        return Ok(Part::Add {
            name: found[1].to_owned(),
            below: found[2].to_owned(),
            text,
        });
    }
    bail!("say before the manifest \"Save as `FILE`:\" or \"In `FILE`, below `LINE`, add:\"")
}

fn commands(block: &Block<'_>) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for (index, text) in block.lines.iter().enumerate() {
        if let Some(command) = text.strip_prefix("$ ") {
            parts.push(Part::Run {
                line: block.line + index + 1,
                command: command.to_owned(),
                shown: Vec::new(),
            });
            continue;
        }
        let Some(Part::Run { command, shown, .. }) = parts.last_mut() else {
            bail!("a console begins with `$ ` and a command");
        };
        match text.strip_prefix("> ") {
            Some(more) if command.ends_with('\\') && shown.is_empty() => {
                command.push('\n');
                command.push_str(more);
            }
            Some(_) | None => shown.push((*text).to_owned()),
        }
    }
    if parts.is_empty() {
        bail!("a console without a command");
    }
    Ok(parts)
}

/// A manifest with lines added below one of its lines.
///
/// # Errors
/// When there is no such line, or more than one.
pub(crate) fn added(manifest: &str, below: &str, text: &str) -> Result<String> {
    let found = manifest.lines().filter(|line| line.trim() == below).count();
    if found != 1 {
        bail!("{found} lines say {below}");
    }
    let lines = manifest.lines().map(|line| {
        if line.trim() == below {
            format!("{line}\n{text}")
        } else {
            format!("{line}\n")
        }
    });
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_saves_adds_and_runs() {
        let page = "Words.\n\nSave as `a.yaml`:\n\n```yaml\na: 1\n```\nIn `a.yaml`, below `a: 1`, add:\n\
            ```yaml\nb: 2\n```\n```console\n$ kubectl apply \\\n>   -f a.yaml\nmade\n$ kubectl get a\n```\n";
        let run = |line: usize, command: &str, shown: &[&str]| Part::Run {
            line,
            command: command.to_owned(),
            shown: shown.iter().map(|line| (*line).to_owned()).collect(),
        };
        let expected = [
            Part::Save {
                name: "a.yaml".to_owned(),
                text: "a: 1\n".to_owned(),
            },
            Part::Add {
                name: "a.yaml".to_owned(),
                below: "a: 1".to_owned(),
                text: "b: 2\n".to_owned(),
            },
            run(13, "kubectl apply \\\n  -f a.yaml", &["made"]),
            run(16, "kubectl get a", &[]),
        ];
        assert_eq!(parts(page).unwrap(), expected);
        assert_eq!(
            added("x\n  a: 1\ny\n", "a: 1", "  b: 2\n").unwrap(),
            "x\n  a: 1\n  b: 2\ny\n"
        );
    }

    #[test]
    fn a_block_that_nobody_understands_is_named() {
        let refused = |page: &str| format!("{:#}", parts(page).unwrap_err());
        assert!(refused("```sh\nls\n```\n").contains("line 1"));
        assert!(refused("```\nls\n```\n").contains("line 1"));
        assert!(refused("See:\n\n```yaml\na: 1\n```\n").contains("Save as"));
        assert!(refused("```console\nmade\n```\n").contains("begins with"));
        assert!(refused("Words.\n\n    $ kubectl get a\n").contains("line 3"));
        assert!(added("x\n", "y", "z").is_err());
    }
}

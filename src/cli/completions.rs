//! `completions`: shell completion scripts.

use super::Cli;
use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

pub(super) fn text(shell: Shell) -> String {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "tokenward", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

//! The command line: the drop-in plugin and the playground.

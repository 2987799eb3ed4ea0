//! `~/.aws/config` and `~/.aws/credentials`: read without loss, edited in place.

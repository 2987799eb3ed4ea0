//! Files as they must be written: atomic, mode 0600, links followed.

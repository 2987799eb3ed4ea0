//! An AWS to practise on.

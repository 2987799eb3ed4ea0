//! A new external ID.
//!
//! AWS asks that whoever hands out external IDs makes each of them unique, and that a third party cannot guess another's.
//! 160 random bits in groups of four characters, without those that look alike: it is read out on the telephone, too.

use crate::{
    error::{Code, Error, Result},
    model::params::ExternalId,
};

/// Crockford's base 32 in small letters: no i, l, o, u.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// One that nobody has and nobody guesses.
pub fn new_external_id() -> Result<ExternalId> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|error| Error::new(Code::Agent, format!("The system gives no random numbers: {error}"), "Try again"))?;
    let letters: Vec<char> = random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    ExternalId::parse(&letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_one_is_another_and_as_aws_takes_them() {
        let made: BTreeSet<String> = (0..200).map(|_| new_external_id().unwrap().as_str().to_owned()).collect();
        assert_eq!(made.len(), 200);
        assert!(made.iter().all(|id| id.len() == 39 && id.split('-').count() == 8 && id.bytes().all(|b| b == b'-' || LETTERS.contains(&b))));
        let letters: BTreeSet<char> = made.iter().flat_map(|id| id.chars()).collect();
        assert_eq!(letters.len(), 33, "every letter comes");
    }
}

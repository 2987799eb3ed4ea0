//! Wildcards and policy variables.
//!
//! A variable's value is literal: a user named `*` does not become a wildcard. `*` and `?` in the policy's own text are
//! wildcards; `${*}`, `${?}` and `${$}` are the characters. A variable that has no value and no default matches nothing.

use super::context::Context;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// Any characters; whether a colon may be among them.
    Any {
        colons: bool,
    },
    One,
}

/// A pattern with its variables filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Token>);

impl Pattern {
    /// A pattern without variables.
    #[cfg(test)]
    fn plain(text: &str) -> Self {
        Self(text.chars().map(wildcard).collect())
    }

    /// Only these very characters.
    pub fn literal(text: &str) -> Self {
        Self(text.chars().map(Token::Char).collect())
    }

    /// Fills the variables in. `wildcards`: whether `*` and `?` mean more than themselves; `variables`: whether `${…}` does
    /// (not in documents of version 2008-10-17). `None`: a variable has no value.
    pub fn expand(text: &str, context: &Context, wildcards: bool, variables: bool) -> Option<Self> {
        let own = |c| if wildcards { wildcard(c) } else { Token::Char(c) };
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text;
        while variables && let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else { break };
            tokens.extend(before.chars().map(own));
            tokens.extend(variable(name, context)?.chars().map(Token::Char));
            rest = tail;
        }
        tokens.extend(rest.chars().map(own));
        Some(Self(tokens))
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        glob(&self.0, text.chars())
    }

    /// As [`Pattern::matches`], without regard to case.
    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        let tokens: Vec<_> = self.0.iter().map(|token| if let Token::Char(c) = token { Token::Char(lower(*c)) } else { *token }).collect();
        glob(&tokens, text.chars().map(lower))
    }

    /// Matches the ARN of a resource: a `*` inside a segment stays in it; one that ends a segment may go on beyond the colon.
    pub fn matches_resource(&self, arn: &str) -> bool {
        let mut tokens = self.0.clone();
        for index in 0..tokens.len() {
            let ends = matches!(tokens.get(index + 1), None | Some(Token::Char(':') | Token::Any { .. }));
            if let Some(Token::Any { colons }) = tokens.get_mut(index) {
                *colons = ends;
            }
        }
        glob(&tokens, arn.chars())
    }

    /// Matches as `ArnLike` does: each of the six segments by itself.
    pub fn matches_arn(&self, arn: &str) -> bool {
        let pattern: Vec<&[Token]> = self.0.splitn(6, |token| *token == Token::Char(':')).collect();
        let arn: Vec<&str> = arn.splitn(6, ':').collect();
        pattern.len() == 6 && arn.len() == 6 && pattern.iter().zip(arn).all(|(pattern, segment)| glob(pattern, segment.chars()))
    }

    /// The text, where nothing in it is a wildcard.
    pub fn text(&self) -> String {
        self.0
            .iter()
            .map(|token| match token {
                Token::Char(c) => *c,
                Token::Any { .. } => '*',
                Token::One => '?',
            })
            .collect()
    }
}

const fn wildcard(c: char) -> Token {
    match c {
        '*' => Token::Any { colons: true },
        '?' => Token::One,
        c => Token::Char(c),
    }
}

/// The value of what stands between `${` and `}`.
fn variable<'a>(name: &'a str, context: &'a Context) -> Option<&'a str> {
    if matches!(name, "*" | "?" | "$") {
        return Some(name);
    }
    let (key, default) = match name.split_once(',') {
        Some((key, default)) => (key.trim(), default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''))),
        None => (name.trim(), None),
    };
    context.single(key).or(default)
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Whether a statement's word for actions (`s3:Get*`) names this one, in any case. Every statement is asked this about every
/// call, so nothing is allocated: where any characters may stand for a star, its last place is the only one to come back to.
pub fn names_action(pattern: &str, action: &str) -> bool {
    let (mut pattern, mut action) = (pattern.chars(), action.chars());
    // What stands behind the last star, and where it may begin at the earliest.
    let mut star = None;
    loop {
        let (mut behind, mut rest) = (pattern.clone(), action.clone());
        match (behind.next(), rest.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((behind.clone(), action.clone()));
                pattern = behind;
            }
            (Some(own), Some(c)) if own == '?' || lower(own) == lower(c) => (pattern, action) = (behind, rest),
            (Some(_) | None, _) => {
                let Some((behind, from)) = &mut star else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, action) = (behind.clone(), from.clone());
            }
        }
    }
}

/// All ways of matching side by side, a character at a time, so that the time is bounded by the product of the lengths. A star
/// that must not cross a colon ends there; others that began before it may go on.
fn glob(pattern: &[Token], text: impl Iterator<Item = char>) -> bool {
    // reachable[p]: the tokens before p match the characters seen so far.
    let mut reachable = vec![false; pattern.len() + 1];
    let mut next = reachable.clone();
    reachable[0] = true;
    close(pattern, &mut reachable);
    for c in text {
        next.fill(false);
        for (index, token) in pattern.iter().enumerate().filter(|(index, _)| reachable[*index]) {
            match token {
                Token::Char(own) if *own == c => next[index + 1] = true,
                Token::One => next[index + 1] = true,
                Token::Any { colons } if *colons || c != ':' => next[index] = true,
                Token::Char(_) | Token::Any { .. } => {}
            }
        }
        close(pattern, &mut next);
        std::mem::swap(&mut reachable, &mut next);
    }
    reachable[pattern.len()]
}

/// A star may match nothing.
fn close(pattern: &[Token], reachable: &mut [bool]) {
    for (index, token) in pattern.iter().enumerate() {
        if reachable[index] && matches!(token, Token::Any { .. }) {
            reachable[index + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1b2", false),
            ("?", "", false),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:Get?", "s3:GetX", true),
            ("***", "x", true),
        ] {
            assert_eq!(Pattern::plain(pattern).matches(text), expected, "{pattern} {text}");
        }
        assert!(Pattern::plain(&"*a".repeat(60)).matches(&"a".repeat(500)), "no exponential search");
    }

    /// Everything of up to four characters out of three.
    fn words(letters: [char; 3]) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut from = 0;
        for _ in 0..4 {
            let longer: Vec<_> = words[from..].iter().flat_map(|word| letters.map(|letter| format!("{word}{letter}"))).collect();
            from = words.len();
            words.extend(longer);
        }
        words
    }

    #[test]
    fn actions_are_named_as_patterns_match() {
        for pattern in words(['a', '*', '?']) {
            for action in words(['a', 'A', ':']) {
                let expected = Pattern::plain(&pattern).matches_ignoring_case(&action);
                assert_eq!(names_action(&pattern, &action), expected, "{pattern} {action}");
            }
        }
        assert!(names_action("IAM:*user", "iam:ListUserTagsOfUser"));
        assert!(names_action(&"*a".repeat(60), &"a".repeat(500)), "no exponential search");
        assert!(!names_action(&"*a".repeat(60), &"b".repeat(500)));
    }

    #[test]
    fn a_variables_value_is_no_wildcard() {
        let mut context = Context::new();
        context.set("aws:username", "*");
        let pattern = Pattern::expand("arn:aws:iam::1:user/${aws:UserName}", &context, true, true).unwrap();
        assert!(pattern.matches("arn:aws:iam::1:user/*"));
        assert!(!pattern.matches("arn:aws:iam::1:user/bob"));
        assert_eq!(Pattern::expand("${aws:missing}", &context, true, true), None);
        assert!(Pattern::expand("${aws:missing, 'x y'}", &context, true, true).unwrap().matches("x y"));
        assert!(Pattern::expand("${*}${?}${$}", &context, true, true).unwrap().matches("*?$"));
        assert!(Pattern::expand("${aws:username}", &context, false, false).unwrap().matches("${aws:username}"));
    }

    #[test]
    fn stars_and_colons() {
        let crosses = |pattern: &str, arn: &str| Pattern::plain(pattern).matches_resource(arn);
        assert!(crosses("arn:aws:iam::*:role/x", "arn:aws:iam::123456789012:role/x"));
        assert!(crosses("arn:aws:logs:*", "arn:aws:logs:eu-west-1:1:log-group:x"), "the last of a segment goes on");
        assert!(!crosses("arn:aws:l*x", "arn:aws:logs:eu-west-1:1:x"), "inside a segment it stays");
        let arn = |pattern: &str, arn: &str| Pattern::plain(pattern).matches_arn(arn);
        assert!(arn("arn:aws:iam::*:role/*", "arn:aws:iam::1:role/x:y"));
        assert!(!arn("arn:*", "arn:aws:iam::1:role/x"), "each segment by itself");
    }
}

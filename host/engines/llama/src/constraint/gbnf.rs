//! GBNF, llama.cpp's grammar notation, read here and handed on to llguidance.
//!
//! llama.cpp's own reader recurses on hostile input and its matcher can blow up on ambiguous
//! grammars, on the decoding thread and inside foreign code. llguidance counts its work instead.
//! A grammar without recursion becomes one regular expression; any other becomes a Lark grammar
//! whose lexemes are single characters, so that no lexer's greed changes the language.

mod reader;
mod unfold;

use std::collections::HashMap;

use self::reader::Reader;
use super::LimitExceeded;

/// Why a grammar is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GbnfError {
    #[error("line {line}: expected {expected}")]
    Expected { line: usize, expected: &'static str },
    #[error("line {line}: rule `{name}` is defined twice")]
    Twice { line: usize, name: String },
    #[error("rule `{0}` is used but not defined")]
    Undefined(String),
    #[error("there is no rule `root` to start from")]
    NoRoot,
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    #[error("line {line}: tokens in grammars (`<...>`) are not supported; spell the text out")]
    Token { line: usize },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// One character out of ranges, or out of all others.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    Rule(usize),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
    },
}

/// A grammar that has been read.
#[derive(Debug)]
pub(crate) struct Gbnf {
    rules: Vec<Node>,
    root: usize,
}

impl Gbnf {
    /// Reads a grammar.
    pub(crate) fn parse(source: &str) -> Result<Self, GbnfError> {
        let mut reader = Reader::new(source);
        reader.skip(true);
        while !reader.rest.is_empty() {
            reader.rule()?;
            reader.skip(true);
        }
        let root = reader.names.get("root").copied().ok_or(GbnfError::NoRoot)?;
        let mut rules = Vec::new();
        let names: HashMap<usize, &String> =
            reader.names.iter().map(|(name, index)| (*index, name)).collect();
        for (index, rule) in reader.rules.into_iter().enumerate() {
            let name = || names.get(&index).map(|name| (*name).clone()).unwrap_or_default();
            rules.push(rule.ok_or_else(|| GbnfError::Undefined(name()))?);
        }
        if rules.get(root).is_none() {
            return Err(GbnfError::NoRoot);
        }
        Ok(Self { rules, root })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(source: &str, expect: &str) {
        let gbnf = Gbnf::parse(source).unwrap();
        assert_eq!(gbnf.to_regex().unwrap_or_else(|| gbnf.to_lark()), expect);
    }

    #[track_caller]
    fn check_refused(source: &str, expect: &str) {
        let error = Gbnf::parse(source).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn grammars_without_recursion_become_one_expression() {
        check("root ::= \"ab\"", r"[\x{61}][\x{62}]");
        check("root ::= [a-c]+ | x\nx ::= \"y\"?", r"(?:(?:[\x{61}-\x{63}])+|(?:[\x{79}])?)");
        check("root ::= (\n  \"a\" # one\n  | [^b]\n){2,3}", r"(?:(?:[\x{61}]|[^\x{62}])){2,3}");
        check("root ::= .*", "(?:(?s:.))*");
        check("root ::= \"\\n\\x41\\u00e9\"", r"[\x{a}][\x{41}][\x{e9}]");
        check("root ::= \"\" | \"a\"", r"(?:|[\x{61}])");
        check("root ::= \"ab\"*", r"(?:[\x{61}][\x{62}])*");
        check("root ::= [a-]", r"[\x{61}\x{2d}]");
    }

    #[test]
    fn recursive_grammars_become_rules() {
        check(
            "root ::= \"(\" root \")\" | \"\"",
            "start: r0\nr0: ( ( /[\\x{28}]/ r0 /[\\x{29}]/ ) | \"\" )\n",
        );
    }

    #[test]
    fn rules_of_nothing_are_not_unfolded_for_ever() {
        let chain: Vec<_> = (0..60).map(|i| format!("a{i} ::= a{n} a{n}", n = i + 1)).collect();
        let source = format!("root ::= a0\n{}\na60 ::= \"\"", chain.join("\n"));
        assert_eq!(Gbnf::parse(&source).unwrap().to_regex(), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        check_refused("", "no rule `root`");
        check_refused("root = \"a\"", "line 1: expected `::=`");
        check_refused("root ::= x", "rule `x` is used but not defined");
        check_refused("root ::= \"a", "closing");
        check_refused("root ::= \"a\"\nroot ::= \"b\"", "line 2: rule `root` is defined twice");
        check_refused("root ::= (\"a\"", "`)`");
        check_refused("root ::= \"a\"{9999}", "limit is 2000");
        check_refused("root ::= <[7]>", "tokens in grammars");
        check_refused("root ::= [z-a]", "goes up");
        check_refused("root ::= \"\\q\"", "escape");
        check_refused(&format!("root ::= {}", "(".repeat(60_000)), "limit is 64");
        check_refused("root ::= \"a\"*****", "parentheses");
    }

    proptest! {
        #[test]
        fn no_input_stops_the_reader(source in "(root ::= )?[a-z\"\\[\\]()|*+?{},0-9^.\\\\ \n#<!-]{0,200}") {
            if let Ok(gbnf) = Gbnf::parse(&source) {
                let _ = gbnf.to_regex();
                let _ = gbnf.to_lark();
            }
        }
    }
}

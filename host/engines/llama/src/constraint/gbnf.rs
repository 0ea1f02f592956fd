//! GBNF, llama.cpp's grammar notation, read here and handed on to llguidance.
//!
//! llama.cpp's own reader recurses on hostile input and its matcher can blow up on ambiguous
//! grammars, on the decoding thread and inside foreign code. llguidance counts its work instead.
//! A grammar without recursion becomes one regular expression; any other becomes a Lark grammar
//! whose lexemes are single characters, so that no lexer's greed changes the language.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::LimitExceeded;

/// How deep groups may nest.
const DEEPEST: usize = 64;
/// The greatest count in a repetition; llama.cpp has the same limit.
const MOST_REPEATS: u32 = 2000;
/// The greatest expression that a grammar is unfolded into.
const LONGEST_REGEX: usize = 128 << 10;
/// How deep rules may refer to rules in an unfolded grammar.
const DEEPEST_UNFOLDING: usize = 128;

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
        let mut reader = Reader { rest: source, source, names: HashMap::new(), rules: Vec::new() };
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

    /// The same language as one regular expression, where that is possible and not too long.
    pub(crate) fn to_regex(&self) -> Option<String> {
        let mut regex = String::new();
        self.unfold(&Node::Rule(self.root), &mut Vec::new(), &mut regex)?;
        Some(regex)
    }

    fn unfold(&self, node: &Node, open: &mut Vec<usize>, regex: &mut String) -> Option<()> {
        if regex.len() > LONGEST_REGEX {
            return None;
        }
        match node {
            Node::Class { negated, ranges } => class(*negated, ranges, regex),
            Node::Rule(rule) => {
                if open.contains(rule) || open.len() >= DEEPEST_UNFOLDING {
                    return None;
                }
                open.push(*rule);
                self.unfold(self.rules.get(*rule)?, open, regex)?;
                open.pop();
            }
            Node::Sequence(nodes) => {
                for node in nodes {
                    self.unfold(node, open, regex)?;
                }
            }
            Node::Choice(nodes) => {
                regex.push_str("(?:");
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        regex.push('|');
                    }
                    self.unfold(node, open, regex)?;
                }
                regex.push(')');
            }
            Node::Repeat { node, least, most } => {
                regex.push_str("(?:");
                self.unfold(node, open, regex)?;
                regex.push(')');
                repeat(*least, *most, regex);
            }
        }
        Some(())
    }

    /// The same language as a Lark grammar.
    pub(crate) fn to_lark(&self) -> String {
        let mut lark = format!("start: r{}\n", self.root);
        for (index, rule) in self.rules.iter().enumerate() {
            let _ = write!(lark, "r{index}: ");
            render(rule, &mut lark);
            lark.push('\n');
        }
        lark
    }
}

fn render(node: &Node, lark: &mut String) {
    match node {
        Node::Class { negated, ranges } => {
            lark.push('/');
            class(*negated, ranges, lark);
            lark.push('/');
        }
        Node::Rule(rule) => {
            let _ = write!(lark, "r{rule}");
        }
        Node::Sequence(nodes) if nodes.is_empty() => lark.push_str("\"\""),
        Node::Sequence(nodes) => {
            lark.push('(');
            for node in nodes {
                lark.push(' ');
                render(node, lark);
            }
            lark.push_str(" )");
        }
        Node::Choice(nodes) => {
            lark.push('(');
            for (index, node) in nodes.iter().enumerate() {
                lark.push_str(if index > 0 { " | " } else { " " });
                render(node, lark);
            }
            lark.push_str(" )");
        }
        Node::Repeat { node, least, most } => {
            lark.push_str("( ");
            render(node, lark);
            lark.push_str(" )");
            repeat(*least, *most, lark);
        }
    }
}

fn class(negated: bool, ranges: &[(char, char)], out: &mut String) {
    if ranges.is_empty() {
        out.push_str("(?s:.)");
        return;
    }
    out.push_str(if negated { "[^" } else { "[" });
    for (from, to) in ranges {
        let _ = write!(out, "\\x{{{:x}}}", u32::from(*from));
        if from != to {
            let _ = write!(out, "-\\x{{{:x}}}", u32::from(*to));
        }
    }
    out.push(']');
}

fn repeat(least: u32, most: Option<u32>, out: &mut String) {
    let _ = match (least, most) {
        (0, None) => write!(out, "*"),
        (1, None) => write!(out, "+"),
        (0, Some(1)) => write!(out, "?"),
        (least, None) => write!(out, "{{{least},}}"),
        (least, Some(most)) => write!(out, "{{{least},{most}}}"),
    };
}

struct Reader<'a> {
    source: &'a str,
    rest: &'a str,
    names: HashMap<String, usize>,
    rules: Vec<Option<Node>>,
}

impl<'a> Reader<'a> {
    fn line(&self) -> usize {
        let read = self.source.len() - self.rest.len();
        self.source.get(..read).unwrap_or_default().lines().count().max(1)
    }

    fn expected(&self, expected: &'static str) -> GbnfError {
        GbnfError::Expected { line: self.line(), expected }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Skips spaces and comments, and line ends where they mean nothing.
    fn skip(&mut self, lines: bool) {
        loop {
            let rest = self.rest.trim_start_matches(|c| {
                matches!(c, ' ' | '\t') || lines && matches!(c, '\r' | '\n')
            });
            if rest.starts_with('#') {
                let end = rest.find('\n').unwrap_or(rest.len());
                self.rest = rest.get(end..).unwrap_or_default();
            } else {
                self.rest = rest;
                return;
            }
        }
    }

    fn name(&mut self) -> Option<&'a str> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    fn index(&mut self, name: &str) -> usize {
        let next = self.rules.len();
        let index = *self.names.entry(name.to_owned()).or_insert(next);
        if index == next {
            self.rules.push(None);
        }
        index
    }

    fn rule(&mut self) -> Result<(), GbnfError> {
        let Some(name) = self.name() else { return Err(self.expected("the name of a rule")) };
        let index = self.index(name);
        self.skip(false);
        if !self.take("::=") {
            return Err(self.expected("`::=` after the name of a rule"));
        }
        self.skip(true);
        let node = self.choice(0)?;
        let line = self.line();
        if !matches!(self.peek(), None | Some('\r' | '\n')) {
            return Err(self.expected("the end of the line after a rule"));
        }
        match self.rules.get_mut(index) {
            Some(rule @ None) => *rule = Some(node),
            _ => return Err(GbnfError::Twice { line, name: name.to_owned() }),
        }
        Ok(())
    }

    fn choice(&mut self, depth: usize) -> Result<Node, GbnfError> {
        if depth > DEEPEST {
            return Err(
                LimitExceeded { what: "groups nested", given: depth, limit: DEEPEST }.into()
            );
        }
        let mut options = vec![self.sequence(depth)?];
        while self.take("|") {
            self.skip(true);
            options.push(self.sequence(depth)?);
        }
        Ok(if options.len() == 1 { options.remove(0) } else { Node::Choice(options) })
    }

    fn sequence(&mut self, depth: usize) -> Result<Node, GbnfError> {
        let mut nodes = Vec::new();
        let nested = depth > 0;
        while let Some(next) = self.peek() {
            let start = nodes.len();
            match next {
                '"' => self.literal(&mut nodes)?,
                '[' => nodes.push(self.class()?),
                '.' => {
                    self.bump();
                    nodes.push(Node::Class { negated: false, ranges: Vec::new() });
                }
                '(' => {
                    self.bump();
                    self.skip(true);
                    nodes.push(self.choice(depth + 1)?);
                    if !self.take(")") {
                        return Err(self.expected("`)`"));
                    }
                }
                '<' | '!' => return Err(GbnfError::Token { line: self.line() }),
                c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => {
                    let name = self.name().unwrap_or_default();
                    let rule = self.index(name);
                    nodes.push(Node::Rule(rule));
                }
                _ => break,
            }
            self.skip(nested);
            self.repeats(&mut nodes, start, nested)?;
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Sequence(nodes) })
    }

    /// Applies `*`, `+`, `?` or `{m,n}` to what was read since `start`; a literal repeats whole.
    fn repeats(
        &mut self,
        nodes: &mut Vec<Node>,
        start: usize,
        nested: bool,
    ) -> Result<(), GbnfError> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.bump();
                self.skip(nested);
                let least = self.number()?.ok_or_else(|| self.expected("a number after `{`"))?;
                self.skip(nested);
                let most = if self.take(",") {
                    self.skip(nested);
                    self.number()?
                } else {
                    Some(least)
                };
                self.skip(nested);
                if self.peek() != Some('}') {
                    return Err(self.expected("`}`"));
                }
                if most.is_some_and(|most| most < least) {
                    return Err(self.expected("a second number that is not less than the first"));
                }
                (least, most)
            }
            _ => return Ok(()),
        };
        self.bump();
        self.skip(nested);
        let mut what = nodes.split_off(start);
        let node = if what.len() == 1 { what.remove(0) } else { Node::Sequence(what) };
        if matches!(node, Node::Repeat { .. }) || matches!(self.peek(), Some('*' | '+' | '?' | '{'))
        {
            return Err(self.expected("parentheses around what is repeated twice"));
        }
        nodes.push(Node::Repeat { node: Box::new(node), least, most });
        Ok(())
    }

    fn number(&mut self) -> Result<Option<u32>, GbnfError> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        if digits.is_empty() {
            return Ok(None);
        }
        let number = digits.parse().unwrap_or(u32::MAX);
        if number > MOST_REPEATS {
            let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
            let limit = count(MOST_REPEATS);
            return Err(LimitExceeded { what: "repetitions", given: count(number), limit }.into());
        }
        Ok(Some(number))
    }

    fn literal(&mut self, nodes: &mut Vec<Node>) -> Result<(), GbnfError> {
        self.bump();
        let start = nodes.len();
        loop {
            match self.peek() {
                None | Some('\n') => return Err(self.expected("a closing `\"`")),
                Some('"') => {
                    self.bump();
                    break;
                }
                Some(_) => {
                    let c = self.character()?;
                    nodes.push(Node::Class { negated: false, ranges: vec![(c, c)] });
                }
            }
        }
        if nodes.len() == start {
            nodes.push(Node::Sequence(Vec::new()));
        }
        Ok(())
    }

    fn class(&mut self) -> Result<Node, GbnfError> {
        self.bump();
        let negated = self.take("^");
        let mut ranges = Vec::new();
        while self.peek() != Some(']') {
            let from = self.character()?;
            let mut to = from;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.bump();
                to = self.character()?;
            }
            if to < from {
                return Err(self.expected("a range that goes up"));
            }
            ranges.push((from, to));
        }
        self.bump();
        if ranges.is_empty() {
            return Err(self.expected("a character in `[]`"));
        }
        Ok(Node::Class { negated, ranges })
    }

    fn character(&mut self) -> Result<char, GbnfError> {
        let Some(c) = self.bump() else { return Err(self.expected("a character")) };
        if c != '\\' {
            return Ok(c);
        }
        match self.bump() {
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some(c @ ('\\' | '"' | '[' | ']' | '-' | '^' | '/')) => Ok(c),
            Some('x') => self.hex(2),
            Some('u') => self.hex(4),
            Some('U') => self.hex(8),
            _ => Err(self.expected("an escape: \\n \\r \\t \\\\ \\\" \\[ \\] \\x \\u or \\U")),
        }
    }

    fn hex(&mut self, digits: usize) -> Result<char, GbnfError> {
        let code = self.rest.get(..digits).and_then(|code| u32::from_str_radix(code, 16).ok());
        let Some(c) = code.and_then(char::from_u32) else {
            return Err(self.expected("the hexadecimal number of a character"));
        };
        self.rest = self.rest.get(digits..).unwrap_or_default();
        Ok(c)
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

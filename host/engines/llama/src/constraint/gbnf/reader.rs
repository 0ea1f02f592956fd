//! Reading GBNF.

use std::collections::HashMap;

use super::super::LimitExceeded;
use super::{GbnfError, Node};

/// How deep groups may nest.
const DEEPEST: usize = 64;
/// The greatest count in a repetition; llama.cpp has the same limit.
const MOST_REPEATS: u32 = 2000;

/// Reads a grammar rule by rule.
pub(super) struct Reader<'a> {
    source: &'a str,
    pub(super) rest: &'a str,
    pub(super) names: HashMap<String, usize>,
    pub(super) rules: Vec<Option<Node>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, rest: source, names: HashMap::new(), rules: Vec::new() }
    }

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
    pub(super) fn skip(&mut self, lines: bool) {
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

    pub(super) fn rule(&mut self) -> Result<(), GbnfError> {
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

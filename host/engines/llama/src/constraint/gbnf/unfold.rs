//! GBNF as one regular expression, or as Lark rules.

use std::fmt::Write as _;

use super::{Gbnf, Node};

/// The greatest expression that a grammar is unfolded into.
const LONGEST_REGEX: usize = 128 << 10;
/// How deep rules may refer to rules in an unfolded grammar.
const DEEPEST_UNFOLDING: usize = 128;
/// How many parts of rules may be visited; empty ones add nothing to the expression's length.
const MOST_VISITS: usize = 200_000;

impl Gbnf {
    /// The same language as one regular expression, where that is possible and not too long.
    pub(crate) fn to_regex(&self) -> Option<String> {
        let mut regex = String::new();
        let mut unfolding =
            Unfolding { gbnf: self, open: Vec::new(), visits: 0, regex: &mut regex };
        unfolding.node(&Node::Rule(self.root))?;
        Some(regex)
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

/// A grammar on its way to one expression.
struct Unfolding<'a> {
    gbnf: &'a Gbnf,
    /// The rules around the present one.
    open: Vec<usize>,
    visits: usize,
    regex: &'a mut String,
}

impl Unfolding<'_> {
    fn node(&mut self, node: &Node) -> Option<()> {
        self.visits += 1;
        if self.regex.len() > LONGEST_REGEX || self.visits > MOST_VISITS {
            return None;
        }
        match node {
            Node::Class { negated, ranges } => class(*negated, ranges, self.regex),
            Node::Rule(rule) => {
                if self.open.contains(rule) || self.open.len() >= DEEPEST_UNFOLDING {
                    return None;
                }
                self.open.push(*rule);
                self.node(self.gbnf.rules.get(*rule)?)?;
                self.open.pop();
            }
            Node::Sequence(nodes) => {
                for node in nodes {
                    self.node(node)?;
                }
            }
            Node::Choice(nodes) => {
                self.regex.push_str("(?:");
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        self.regex.push('|');
                    }
                    self.node(node)?;
                }
                self.regex.push(')');
            }
            Node::Repeat { node, least, most } => {
                self.regex.push_str("(?:");
                self.node(node)?;
                self.regex.push(')');
                repeat(*least, *most, self.regex);
            }
        }
        Some(())
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

//! Grammars for calls as data.

use serde_json::Value;

use super::{ArgumentTags, Grammar, any, headed, literal, relaxed};
use crate::{ChatRequest, Constraint, Forced, GrammarSyntax, Tool};

/// The greatest grammar that is worth its while; a request whose tools make a greater one goes
/// without.
const MOST_SOURCE: usize = 48 << 10;
/// How many triggers a grammar may have.
const MOST_TRIGGERS: usize = 48;

/// How a syntax writes a call, for grammars.
#[derive(Clone, Copy, Debug)]
pub struct Lazy {
    /// What begins a call, up to the tool's name or what stands before it.
    pub opening: &'static str,
    /// What starts the grammar where the model calls of itself.
    pub trigger: Trigger,
    /// Opens, separates and closes a list of calls; empty where there is none.
    pub list: [&'static str; 3],
    /// Before the name.
    pub before: &'static [Part],
    /// Between the name and the arguments.
    pub middle: &'static str,
    /// The arguments.
    pub arguments: Arguments,
    /// After the arguments.
    pub end: &'static [Part],
    /// Whether the trigger may stand in text that is no call, so that any other name than a tool's
    /// may follow it and ends the grammar.
    pub bare: bool,
}

/// What starts a grammar.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// This text, with which the opening begins or ends; a line break may follow.
    Opening(&'static str),
    /// This text after the name: the arguments are those of any tool.
    AfterName(&'static str),
    /// The opening, a tool's name and what stands after it.
    EachName,
    /// Nothing that could not stand in text as well: only a call that the client demands is bound.
    Never,
}

/// A piece of a grammar.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// This text.
    Text(&'static str),
    /// What this regular expression matches, or nothing.
    Maybe(&'static str),
    /// What this regular expression matches.
    Pattern(&'static str),
}

/// How arguments are written.
#[derive(Clone, Copy, Debug)]
pub enum Arguments {
    /// As one JSON object.
    Json,
    /// As Python's keyword arguments.
    Keywords,
    /// Between tags.
    Tagged(ArgumentTags<'static>),
    /// In a way that no grammar can bind, since special tokens are a part of it.
    Free,
}

impl Lazy {
    /// What the prompt goes on with where the client demands a call: what begins one, and the name
    /// where there is but one and a marker follows it.
    pub fn opening(&self, request: &ChatRequest) -> String {
        let tools = forced(request);
        let mut opening = match tools {
            [] => return String::new(),
            _ => self.opening.to_owned(),
        };
        if let ([tool], true) = (tools, self.has_marker_after_name()) {
            opening.push_str(&tool.name);
            opening.push_str(self.middle);
        }
        opening
    }

    fn has_marker_after_name(&self) -> bool {
        matches!(self.trigger, Trigger::AfterName(_)) || matches!(self.arguments, Arguments::Free)
    }

    /// The grammar for a request; `None` where it has no tools, or none is of use.
    pub fn constraint(&self, request: &ChatRequest) -> Option<Constraint> {
        let demanded = forced(request);
        let (source, triggers) = if demanded.is_empty() {
            let tools = request.callable_tools();
            if tools.is_empty() {
                return None;
            }
            let triggers = self.triggers(tools)?;
            (self.lazy(tools, request), triggers)
        } else {
            if matches!(self.arguments, Arguments::Free) {
                return None;
            }
            (self.forced(demanded), Vec::new())
        };
        let fits = source.len() <= MOST_SOURCE;
        fits.then_some(Constraint { syntax: GrammarSyntax::Lark, source, triggers })
    }

    fn triggers(&self, tools: &[Tool]) -> Option<Vec<String>> {
        match self.trigger {
            Trigger::Opening(text) | Trigger::AfterName(text) => Some(vec![text.to_owned()]),
            Trigger::Never => None,
            Trigger::EachName if tools.len() > MOST_TRIGGERS => None,
            Trigger::EachName => {
                let trigger = |tool: &Tool| format!("{}{}{}", self.opening, tool.name, self.middle);
                Some(tools.iter().map(trigger).collect())
            }
        }
    }

    /// One call, from the opening on.
    fn forced(&self, tools: &[Tool]) -> String {
        let named = tools.len() == 1 && self.has_marker_after_name();
        let [open, _, close] = self.list;
        any(tools, |grammar, tool| {
            let schema = tool.arguments();
            if named {
                return self.arguments(grammar, &schema);
            }
            let call = self.call(grammar, tool, &schema);
            grammar.rule(&format!("{}{call} {}", headed(open), headed(close)))
        })
    }

    /// What follows the trigger.
    fn lazy(&self, tools: &[Tool], request: &ChatRequest) -> String {
        let schema = |tool: &Tool| relaxed(&tool.parameters());
        match self.trigger {
            Trigger::AfterName(_) | Trigger::EachName | Trigger::Never => {
                any(tools, |grammar, tool| self.arguments(grammar, &schema(tool)))
            }
            Trigger::Opening(trigger) => {
                let mut grammar = Grammar::default();
                let calls = tools.iter().map(|tool| {
                    grammar.note(tool);
                    self.call(&mut grammar, tool, &schema(tool))
                });
                let calls: Vec<_> = calls.collect();
                let call = grammar.rule(&calls.join(" | "));
                if self.bare {
                    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
                    let other = grammar.other_than(&names);
                    return grammar.finish(&format!("{call} | {other}"));
                }
                let [open, separator, close] = self.list;
                let more = if separator.is_empty() || request.parallel_tool_calls == Some(false) {
                    String::new()
                } else {
                    format!(" ({} {call})*", literal(separator))
                };
                let close = headed(close);
                let list = format!("{}{call}{more} {close}", headed(open));
                // What of the opening comes after the trigger; models break the line or not.
                let rest = self.opening.strip_prefix(trigger).unwrap_or_default().trim();
                let blank = if trigger.ends_with('>') { "/[ \\n]{0,4}/ " } else { "" };
                grammar.finish(&format!("{blank}{}{list}", headed(rest)))
            }
        }
    }

    /// A call from what stands before the name on.
    fn call(&self, grammar: &mut Grammar, tool: &Tool, schema: &Value) -> String {
        let before = parts(self.before);
        let name = literal(&format!("{}{}", tool.name, self.middle));
        let arguments = match self.arguments {
            Arguments::Free => return grammar.rule(&format!("{before}{name}")),
            _ => self.arguments(grammar, schema),
        };
        grammar.rule(&format!("{before}{name} {arguments}"))
    }

    /// The arguments and what ends the call.
    fn arguments(&self, grammar: &mut Grammar, schema: &Value) -> String {
        let end = parts(self.end);
        let arguments = match self.arguments {
            Arguments::Json => grammar.json("", schema.clone(), ""),
            Arguments::Keywords => grammar.keywords("", schema, ")"),
            Arguments::Tagged(tags) => grammar.tagged("", tags, schema, ""),
            Arguments::Free => String::new(),
        };
        if end.is_empty() { arguments } else { grammar.rule(&format!("{arguments} {end}")) }
    }
}

/// The tools of which the client demands one.
fn forced(request: &ChatRequest) -> &[Tool] {
    match request.forced() {
        Ok(Forced::Tool(tool)) => std::slice::from_ref(tool),
        Ok(Forced::Any) => request.callable_tools(),
        Ok(Forced::No) | Err(_) => &[],
    }
}

fn parts(parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => headed(text),
        Part::Maybe(pattern) => format!("/{pattern}/? "),
        Part::Pattern(pattern) => format!("/{pattern}/ "),
    };
    parts.iter().map(part).collect()
}

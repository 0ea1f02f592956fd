//! However a reply is cut, and whatever it is, the events are the same, in time that grows with
//! its length.

use std::time::{Duration, Instant};

use plugin_sdk::reply::Events;
use proptest::prelude::*;

use super::*;

/// What stands between markers.
const COMMON: &[&str] = &[
    "weather",
    "now",
    "weather_map",
    "city",
    "days",
    "Paris",
    "1",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "{}",
    "{\"city\": \"x\"}",
    "\"",
    "'",
    ":",
    ",",
    ";",
    "=",
    ">",
    "<",
    "</",
    "\n",
    " ",
    "```",
    "json",
    "all",
    "é",
    "天",
    "🚀",
    "call:",
    "functions.",
    ":0",
    "\\",
    "null",
    "{\"name\": \"weather\", \"arguments\": ",
    "{\"name\": \"now\", \"parameters\": {}}",
    "weather\n",
    "\">",
    "[now()]",
    "weather(city='x')",
];

/// Markers of many syntaxes.
const MARKERS: &[&str] = &[
    "<think>",
    "</think>",
    "[ARGS]",
    "[CALL_ID]",
    "<parameter=city>\n",
    "\n</parameter>",
    "</function>",
    "weather>\n",
    "<parameter name=\"city\">",
    "</parameter>",
    "</invoke>",
    "<arg_key>city</arg_key>",
    "<arg_value>",
    "</arg_value>",
    "</tool_call>",
    "<|tool_call_argument_begin|>",
    "<｜tool▁sep｜>",
    "function<｜tool▁sep｜>",
    "<|\"|>",
    "<tool_call|>",
    "<|channel|>analysis",
    "<|channel|>final",
    "<|message|>",
    "<|end|>",
    "<|start|>assistant",
    " to=functions.now",
    " to=python",
    "<|call|>",
    "<![CDATA[",
    "]]>",
    "</param>",
    "<param name=\"city\">",
    "<|assistant|>",
    "```python\n",
    "tool_call(city='x')",
    "<city>",
    "</city>",
    "]<]minimax[>[",
    "<|sep|>",
    "<|close|>call<|sep|>",
    "<|open|>argument key=\"city\" type=\"string\"<|sep|>",
    "<|close|>argument<|sep|>",
];

/// Pieces of which the replies of a syntax are made: its markers and their parts, and what stands
/// between them.
fn pieces(syntax: Syntax) -> Vec<String> {
    let mut pieces: Vec<String> = COMMON.iter().map(|piece| (*piece).to_owned()).collect();
    let own = syntax
        .notation()
        .map(|notation| [notation.openings, notation.closings, notation.silent].concat());
    let own = own.unwrap_or_default();
    for marker in own.iter().chain(MARKERS) {
        pieces.push((*marker).to_owned());
        let half = marker.chars().count() / 2;
        pieces.push(marker.chars().take(half).collect());
    }
    // Its own markers must come often.
    for _ in 0..12 {
        pieces.extend(own.iter().map(|marker| (*marker).to_owned()));
    }
    pieces
}

fn reply() -> impl Strategy<Value = (Syntax, String)> {
    let syntaxes: Vec<_> = Syntax::NAMES.iter().map(|(_, syntax)| *syntax).collect();
    prop::sample::select(syntaxes).prop_flat_map(|syntax| {
        let pieces = prop::sample::select(pieces(syntax));
        prop::collection::vec(pieces, 0..24).prop_map(move |pieces| (syntax, pieces.concat()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_any_reply(
        (syntax, text) in reply(),
        arbitrary in "\\PC{0,40}",
        cut_short: bool,
        opened: bool,
        long: bool,
    ) {
        let request = request();
        let reason = if cut_short { FinishReason::Length } else { FinishReason::Stop };
        let tail = if opened { "<think>\n" } else { "" };
        let text = if long { text.replace("Paris", &"Paris ".repeat(60)) } else { text };
        check_chunks(|| syntax.parser(&request, tail), &text, reason);
        check_chunks(|| syntax.parser(&request, tail), &arbitrary, reason);
    }
}

/// How long a reply takes that comes in pieces of `size` bytes.
fn time(syntax: Syntax, text: &str, size: usize) -> Duration {
    let request = request();
    let mut parser = syntax.parser(&request, "");
    let begun = Instant::now();
    let mut events = Events::default();
    for piece in text.as_bytes().chunks(size) {
        parser.push(std::str::from_utf8(piece).unwrap(), &mut events);
    }
    parser.finish(FinishReason::Stop, &mut events);
    begun.elapsed()
}

/// Replies that would take hours if any text were searched again and again.
#[test]
fn linear_time() {
    const LENGTH: usize = 1 << 18;
    for (name, syntax) in Syntax::NAMES {
        let mut units = vec![
            "x".to_owned(),
            " ".to_owned(),
            "\n".to_owned(),
            "<".to_owned(),
            "{\"a\":".to_owned(),
            "[".to_owned(),
        ];
        units.extend(syntax.notation().into_iter().flat_map(|notation| {
            let call = |opening: &&str| format!("{opening}{{\"name\": \"");
            notation
                .openings
                .iter()
                .map(|opening| (*opening).to_owned())
                .chain(notation.openings.iter().map(call))
        }));
        for unit in &units {
            let opening = syntax.notation().and_then(|notation| notation.openings.last());
            for start in ["", opening.copied().unwrap_or("<think>")] {
                let text = format!("{start}{}", unit.repeat(LENGTH / unit.len()));
                let text: String = text.chars().filter(char::is_ascii).collect();
                let took = time(*syntax, &text, 4);
                let each = took / u32::try_from(text.len() / 4 + 1).unwrap();
                assert!(
                    each < Duration::from_micros(20),
                    "{name}: {each:?} for each push of {unit:?} after {start:?}"
                );
            }
        }
    }
}

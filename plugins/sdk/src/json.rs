//! JSON as Python writes it, which is what models were trained on.

use serde_json::{Number, Value};

/// `json.dumps(value, ensure_ascii=False)`: a space after each comma and colon.
pub fn python(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None);
    out
}

/// `json.dumps(value, ensure_ascii=False, indent=4)`.
pub fn python_indented(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(0));
    out
}

/// Reads `text` and writes it as [`python`] does; text that is no JSON is returned as it is.
pub fn reformat(text: &str) -> String {
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value| python(&value))
}

/// Writes a value; `depth` is the level of indentation, or `None` for a single line.
fn write(out: &mut String, value: &Value, depth: Option<usize>) {
    let deeper = depth.map(|depth| depth + 1);
    match value {
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index, deeper);
                write(out, item, deeper);
            }
            new_line(out, depth);
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (key, item)) in fields.iter().enumerate() {
                separate(out, index, deeper);
                string(out, key);
                out.push_str(": ");
                write(out, item, deeper);
            }
            new_line(out, depth);
            out.push('}');
        }
        Value::String(text) => string(out, text),
        Value::Number(number) => out.push_str(&python_number(number)),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Null => out.push_str("null"),
    }
}

fn separate(out: &mut String, index: usize, depth: Option<usize>) {
    if index > 0 {
        out.push_str(if depth.is_some() { "," } else { ", " });
    }
    new_line(out, depth);
}

fn new_line(out: &mut String, depth: Option<usize>) {
    if let Some(depth) = depth {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", depth));
    }
}

/// Python and serde_json escape the same characters of a string in the same way.
fn string(out: &mut String, text: &str) {
    out.push_str(&Value::from(text).to_string());
}

/// A number as Python's `repr` gives it: exponents have a sign and two digits.
fn python_number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if float != 0.0 && !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{float:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &str) {
        assert_eq!(python(&serde_json::from_str(input).unwrap()), expect);
    }

    #[test]
    fn single_line() {
        check(r#"{"b":1,"a":[true,null,"x"]}"#, r#"{"b": 1, "a": [true, null, "x"]}"#);
        check(r#"{"a":{},"b":[]}"#, r#"{"a": {}, "b": []}"#);
        check(r#""天\n\u0001\"é\u007f""#, "\"天\\n\\u0001\\\"é\u{7f}\"");
    }

    #[test]
    fn numbers() {
        check("[1.0, 0.5, -0.0, 1e15]", "[1.0, 0.5, -0.0, 1000000000000000.0]");
        check("[1e16, 1e-5, 0.0001, 1.5e300]", "[1e+16, 1e-05, 0.0001, 1.5e+300]");
        check("[12345678901234567890, -3]", "[12345678901234567890, -3]");
    }

    #[test]
    fn indented() {
        let value = serde_json::json!({"name": "f", "list": [1, {"x": []}], "empty": {}});
        let expect = "{\n    \"name\": \"f\",\n    \"list\": [\n        1,\n        {\n            \"x\": []\n        }\n    ],\n    \"empty\": {}\n}";
        assert_eq!(python_indented(&value), expect);
    }
}

//! What is read alike, and what is not read.

use std::collections::BTreeMap;

use super::{json::JSON_VALUES, *};

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Sample {
    #[serde(deserialize_with = "flag")]
    flag: Option<bool>,
    #[serde(deserialize_with = "number")]
    number: Option<f32>,
    #[serde(deserialize_with = "whole")]
    whole: Option<i64>,
    #[serde(deserialize_with = "seed")]
    seed: Option<u32>,
    #[serde(deserialize_with = "text")]
    text: Option<String>,
    #[serde(deserialize_with = "texts::<2, _>")]
    texts: Option<Vec<String>>,
    #[serde(deserialize_with = "prompts::<2, _>")]
    prompts: Option<Vec<String>>,
    #[serde(deserialize_with = "list::<2, _, _>")]
    tokens: Option<Vec<TokenId>>,
    #[serde(deserialize_with = "biases")]
    biases: Option<BTreeMap<u32, f32>>,
    #[serde(deserialize_with = "json")]
    json: Option<Json>,
}

#[track_caller]
fn check(body: &str, expect: Result<Sample, &str>) {
    match (serde_json::from_str::<Sample>(body), expect) {
        (Ok(got), Ok(expect)) => assert_eq!(got, expect, "{body}"),
        (Err(error), Err(part)) => {
            let text = error.to_string();
            assert!(text.contains(part), "`{text}` lacks `{part}`");
        }
        (got, _) => panic!("{body}: {got:?}"),
    }
}

#[test]
fn what_means_the_same_reads_the_same() {
    let of = |change: fn(&mut Sample)| {
        let mut sample = Sample::default();
        change(&mut sample);
        Ok(sample)
    };
    for yes in ["true", "1", r#""true""#, r#""Yes""#, r#""on""#, r#""1""#] {
        check(&format!(r#"{{"flag":{yes}}}"#), of(|s| s.flag = Some(true)));
    }
    check(r#"{"flag":"off"}"#, of(|s| s.flag = Some(false)));
    check(r#"{"flag":null,"number":null,"texts":null,"json":null}"#, of(|_| {}));
    check(r#"{"number":"0.5"}"#, of(|s| s.number = Some(0.5)));
    check(r#"{"number":1}"#, of(|s| s.number = Some(1.0)));
    check(r#"{"whole":5.0}"#, of(|s| s.whole = Some(5)));
    check(r#"{"whole":"5"}"#, of(|s| s.whole = Some(5)));
    check(r#"{"whole":1e300}"#, of(|s| s.whole = Some(i64::MAX)));
    check(r#"{"seed":-1}"#, of(|_| {}));
    check(r#"{"seed":4294967297}"#, of(|s| s.seed = Some(1)));
    check(r#"{"seed":18446744073709551615}"#, of(|s| s.seed = Some(u32::MAX)));
    check(r#"{"seed":7.0}"#, of(|s| s.seed = Some(7)));
    check(r#"{"text":7}"#, of(|s| s.text = Some("7".into())));
    check(r#"{"texts":"a"}"#, of(|s| s.texts = Some(vec!["a".into()])));
    check(r#"{"texts":["a","b"]}"#, of(|s| s.texts = Some(vec!["a".into(), "b".into()])));
    check(r#"{"biases":{"7":-1,"8":"2"}}"#, of(|s| s.biases = Some([(7, -1.0), (8, 2.0)].into())));
    check(r#"{"texts":[1,null,"a"]}"#, Err("more than 2 entries"));
    check(r#"{"texts":[1,true]}"#, of(|s| s.texts = Some(vec!["1".into(), "true".into()])));
    check(r#"{"texts":["a",null]}"#, of(|s| s.texts = Some(vec!["a".into()])));
    check(r#"{"prompts":5}"#, of(|s| s.prompts = Some(vec!["5".into()])));
    check(r#"{"tokens":["7",8]}"#, of(|s| s.tokens = Some(vec![TokenId(7), TokenId(8)])));
    check(r#"{"unknown":[{}]}"#, of(|_| {}));
}

#[test]
fn what_means_nothing_is_refused() {
    check(r#"{"flag":"maybe"}"#, Err("expected a boolean"));
    check(r#"{"flag":2}"#, Err("expected a boolean"));
    check(r#"{"number":"hot"}"#, Err("expected a number"));
    check(r#"{"number":[]}"#, Err("expected a number"));
    check(r#"{"whole":1.5}"#, Err("expected a whole number"));
    check(r#"{"seed":1.5}"#, Err("expected a whole number"));
    check(r#"{"seed":1e40}"#, Err("of at most 64 bits"));
    check(r#"{"seed":-1e19}"#, Err("of at most 64 bits"));
    check(r#"{"seed":99999999999999999999}"#, Err("of at most 64 bits"));
    check(r#"{"seed":"99999999999999999999"}"#, Err("of at most 64 bits"));
    check(r#"{"texts":["a","b","c"]}"#, Err("more than 2 entries"));
    check(r#"{"texts":{}}"#, Err("expected a string or a list of strings"));
    check(r#"{"prompts":[5]}"#, Err("expected a string"));
    check(r#"{"tokens":[-1]}"#, Err("a token's id is a whole number"));
    check(r#"{"tokens":[null]}"#, Err("a token's id is a whole number"));
    check(r#"{"biases":{"x":1}}"#, Err("the key `x` is no token id"));
}

#[test]
fn free_form_values_are_bounded() {
    let many = format!(r#"{{"json":[{}0]}}"#, "0,".repeat(JSON_VALUES));
    check(&many, Err("holds more than 8192 values"));
}

//! Reads request fields as leniently as Xinference does, and as tightly as memory needs.
//!
//! `"true"`, `1` and `"on"` are true, `"5"` is 5, and null is absent.
//! Every list, and every free-form JSON value, has a bound that holds while it is read: a small
//! body must not become a large structure.

use std::{cell::Cell, collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor},
};
use serde_json::{Map, Number, Value};

/// A yes or no.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    struct Flag;
    impl Visitor<'_> for Flag {
        type Value = Option<bool>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a boolean")
        }

        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok(Some(value))
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            match value {
                0 => Ok(Some(false)),
                1 => Ok(Some(true)),
                _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
            }
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            match value.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" | "y" | "t" => Ok(Some(true)),
                "false" | "0" | "no" | "off" | "n" | "f" => Ok(Some(false)),
                _ => Err(E::invalid_value(Unexpected::Str(value), &self)),
            }
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Flag)
}

/// A number.
pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f32>, D::Error> {
    let value = from.deserialize_any(AnyNumber("a number"))?;
    // Too large a number becomes infinite, which the range check refuses by name.
    #[expect(clippy::cast_possible_truncation, reason = "a sampler needs no more")]
    Ok(value.map(|value| value as f32))
}

/// A whole number of any size; ranges are checked where the number is used.
pub(crate) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let whole = AnyNumber("a whole number");
    let Some(value) = from.deserialize_any(whole)? else { return Ok(None) };
    if value.fract() != 0.0 || !value.is_finite() {
        return Err(de::Error::invalid_value(Unexpected::Float(value), &whole));
    }
    // Saturates, which keeps an absurd number out of every range.
    #[expect(clippy::cast_possible_truncation, reason = "saturation is what is wanted")]
    Ok(Some(value as i64))
}

/// A random seed: whole numbers beyond 32 bits wrap, and -1 asks for a random one.
pub(crate) fn seed<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    struct Seed;
    impl Visitor<'_> for Seed {
        type Value = Option<u32>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "seeds wrap"
            )]
            Ok((value != -1).then_some(value as u32))
        }

        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            #[expect(clippy::cast_possible_truncation, reason = "seeds wrap")]
            Ok(Some(value as u32))
        }

        fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
            if value.fract() != 0.0 {
                return Err(E::invalid_value(Unexpected::Float(value), &self));
            }
            #[expect(clippy::cast_possible_truncation, reason = "seeds wrap")]
            self.visit_i64(value as i64)
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            match value.trim().parse::<i64>() {
                Ok(value) => self.visit_i64(value),
                Err(_) => Err(E::invalid_value(Unexpected::Str(value), &self)),
            }
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Seed)
}

#[derive(Clone, Copy)]
struct AnyNumber(&'static str);

impl Visitor<'_> for AnyNumber {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        match value.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(E::invalid_type(Unexpected::Str(value), &self.0)),
        }
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A text; numbers and booleans are taken as they are written.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
            Ok(Some(value.to_owned()))
        }

        fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
            Ok(Some(value))
        }

        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }

        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }

        fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Text)
}

/// A list of at most `MAX` entries; null is the empty one, and a lone entry is a list of one.
pub(crate) fn list<'de, const MAX: usize, T, D>(from: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct List<const MAX: usize, T>(PhantomData<T>);
    impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for List<MAX, T> {
        type Value = Option<Vec<T>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while list.len() < MAX {
                let Some(entry) = seq.next_element()? else { return Ok(Some(list)) };
                list.push(entry);
            }
            match seq.next_element::<IgnoredAny>()? {
                None => Ok(Some(list)),
                Some(_) => Err(de::Error::custom(format_args!("holds more than {MAX} entries"))),
            }
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(List::<MAX, T>(PhantomData))
}

/// One string or a list of at most `MAX` strings.
pub(crate) fn texts<'de, const MAX: usize, D>(from: D) -> Result<Option<Vec<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Texts<const MAX: usize>;
    impl<'de, const MAX: usize> Visitor<'de> for Texts<MAX> {
        type Value = Option<Vec<String>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or a list of strings")
        }

        fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
            Ok(Some(vec![value.to_owned()]))
        }

        fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
            Ok(Some(vec![value]))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            list::<MAX, String, _>(de::value::SeqAccessDeserializer::new(seq))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Texts::<MAX>)
}

/// Weights by token, whose keys JSON makes strings.
pub(crate) fn biases<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<BTreeMap<u32, f32>>, D::Error> {
    struct Biases;
    impl<'de> Visitor<'de> for Biases {
        type Value = Option<BTreeMap<u32, f32>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of token ids and numbers")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            const MAX: usize = model::Sampling::MAX_LOGIT_BIAS;
            let mut biases = BTreeMap::new();
            while let Some(key) = map.next_key::<String>()? {
                let token = key.trim().parse().map_err(|_| {
                    de::Error::custom(format_args!("the key `{key}` is no token id"))
                })?;
                let Bias(bias) = map.next_value()?;
                biases.insert(token, bias);
                if biases.len() > MAX {
                    return Err(de::Error::custom(format_args!("holds more than {MAX} entries")));
                }
            }
            Ok(Some(biases))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    struct Bias(f32);
    impl<'de> Deserialize<'de> for Bias {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            number(from).map(|value| Self(value.unwrap_or_default()))
        }
    }
    from.deserialize_any(Biases)
}

/// Values in one free-form JSON field.
const JSON_VALUES: usize = 8 << 10;

/// A free-form JSON value, bounded in its number of values while it is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Json(pub(crate) Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let left = Cell::new(JSON_VALUES);
        Node(&left).deserialize(from).map(Self)
    }
}

/// A free-form JSON value; null is absent.
pub(crate) fn json<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(from).map(|json| Some(json).filter(|json| !json.0.is_null()))
}

/// One value within a [`Json`], and how many more there may be.
struct Node<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        let Some(left) = self.0.get().checked_sub(1) else {
            return Err(de::Error::custom(format_args!("holds more than {JSON_VALUES} values")));
        };
        self.0.set(left);
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Node(self.0))? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            object.insert(key, map.next_value_seed(Node(self.0))?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        check(r#"{"text":7}"#, of(|s| s.text = Some("7".into())));
        check(r#"{"texts":"a"}"#, of(|s| s.texts = Some(vec!["a".into()])));
        check(r#"{"texts":["a","b"]}"#, of(|s| s.texts = Some(vec!["a".into(), "b".into()])));
        check(
            r#"{"biases":{"7":-1,"8":"2"}}"#,
            of(|s| s.biases = Some([(7, -1.0), (8, 2.0)].into())),
        );
        check(r#"{"unknown":[{}]}"#, of(|_| {}));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        check(r#"{"flag":"maybe"}"#, Err("expected a boolean"));
        check(r#"{"flag":2}"#, Err("expected a boolean"));
        check(r#"{"number":"hot"}"#, Err("expected a number"));
        check(r#"{"number":[]}"#, Err("expected a number"));
        check(r#"{"whole":1.5}"#, Err("expected a whole number"));
        check(r#"{"texts":["a","b","c"]}"#, Err("more than 2 entries"));
        check(r#"{"texts":{}}"#, Err("expected a string or a list of strings"));
        check(r#"{"biases":{"x":1}}"#, Err("the key `x` is no token id"));
    }

    #[test]
    fn free_form_values_are_bounded() {
        let many = format!(r#"{{"json":[{}0]}}"#, "0,".repeat(JSON_VALUES));
        check(&many, Err("holds more than 8192 values"));
    }
}

//! Numbers, which may come as strings.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Unexpected, Visitor},
};

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

/// A random seed: whole numbers of 64 bits, of which engines use 32; -1 asks for a random one.
pub(crate) fn seed<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    struct Seed;
    impl Visitor<'_> for Seed {
        type Value = Option<u32>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number of at most 64 bits")
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
            const BOUND: f64 = 9_223_372_036_854_775_808.0;
            if value.fract() != 0.0 || !(-BOUND..BOUND).contains(&value) {
                return Err(E::invalid_value(Unexpected::Float(value), &self));
            }
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and within bounds")]
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

/// A token's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenId(pub(crate) u32);

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let token = whole(from)?.and_then(|value| u32::try_from(value).ok());
        token.map(Self).ok_or_else(|| {
            de::Error::custom(format_args!("a token's id is a whole number from 0 to {}", u32::MAX))
        })
    }
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

//! Values that are more than a number or a text; each says itself what it must be.

use std::{fmt, net::SocketAddr, time::Duration};

use model::ModelUid;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// A name that clients use.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(pub(crate) ModelUid);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: model::InvalidUid| error.to_string())
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Listen(pub(crate) SocketAddr);

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!("`{text}` is no address to listen on; write an IP address and a port, such as `127.0.0.1:9997`")
        })
    }
}

/// A size such as `16MB`; units are powers of 1024, and `KiB` means the same as `KB`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ByteSize(pub(crate) u64);

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (number, unit) = split_unit(&text);
        let scale = match unit {
            "B" => 1,
            "KB" | "KiB" => 1 << 10,
            "MB" | "MiB" => 1 << 20,
            "GB" | "GiB" => 1 << 30,
            "TB" | "TiB" => 1 << 40,
            _ => 0,
        };
        number.and_then(|n| n.checked_mul(scale)).filter(|&bytes| bytes > 0).map(Self).ok_or_else(
            || format!("`{text}` is no size; write a whole number above 0 and a unit (B, KB, MB, GB, TB), such as `512MB`"),
        )
    }
}

/// A time such as `30s`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Period(pub(crate) Duration);

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (number, unit) = split_unit(&text);
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            _ => 0,
        };
        let given = number.and_then(|n| n.checked_mul(milliseconds)).filter(|&ms| ms > 0);
        given.map(|ms| Self(Duration::from_millis(ms))).ok_or_else(|| {
            format!("`{text}` is no time; write a whole number above 0 and a unit (ms, s, m, h), such as `30s`")
        })
    }
}

/// Cuts `30 s` into 30 and `s`.
fn split_unit(text: &str) -> (Option<u64>, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or_default();
    (number.parse().ok(), unit.trim_start())
}

/// The name of a family: kebab-case, as plugins give it.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Family(pub(crate) String);

impl TryFrom<String> for Family {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        if starts && text.len() <= 64 && text.chars().all(allowed) {
            return Ok(Self(text));
        }
        Err(format!(
            "`{text}` is no family's name; it has 1 to 64 lower-case letters, digits and `-`, and begins with a letter"
        ))
    }
}

/// The name of an engine: kebab-case, being part of a program's name.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Engine(pub(crate) String);

impl TryFrom<String> for Engine {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Family::try_from(text.clone()).map(|Family(name)| Self(name)).map_err(|_| {
            format!(
                "`{text}` is no engine's name; it has 1 to 64 lower-case letters, digits and `-`, such as `llama`"
            )
        })
    }
}

/// A number of layers, or `"all"`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GpuLayers {
    All,
    Count(u32),
}

impl<'de> Deserialize<'de> for GpuLayers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;

        impl Visitor<'_> for Seen {
            type Value = GpuLayers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of layers from 0 to 10000, or \"all\"")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<GpuLayers, E> {
                let count = u32::try_from(number).ok().filter(|&count| count <= 10_000);
                count
                    .map(GpuLayers::Count)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<GpuLayers, E> {
                if text == "all" {
                    return Ok(GpuLayers::All);
                }
                Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        #[track_caller]
        fn check(text: &str, expect: Option<u64>) {
            assert_eq!(
                ByteSize::try_from(text.to_owned()).ok().map(|size| size.0),
                expect,
                "{text}"
            );
        }
        check("512MB", Some(512 << 20));
        check("512 MiB", Some(512 << 20));
        check("1B", Some(1));
        check("512", None);
        check("0MB", None);
        check("-1MB", None);
        check("1.5GB", None);
        check("99999999999999TB", None);
        check("MB", None);
        check("", None);
        check("1MBé", None);
    }

    #[test]
    fn times() {
        #[track_caller]
        fn check(text: &str, expect: Option<u64>) {
            let given = Period::try_from(text.to_owned()).ok().map(|period| period.0.as_millis());
            assert_eq!(given, expect.map(u128::from), "{text}");
        }
        check("250ms", Some(250));
        check("30s", Some(30_000));
        check("5m", Some(300_000));
        check("2 h", Some(7_200_000));
        check("30", None);
        check("0s", None);
        check("18446744073709551615h", None);
    }
}

//! Files that are no GGUF: what they are, and what to do about it.

use crate::error::{Problem, quoted};

/// Bytes from the start of a file that suffice to tell.
pub(crate) const SAMPLE: u64 = 512;

/// Says what a file that does not begin with GGUF's magic is.
pub(crate) fn recognise(start: &[u8], file_bytes: u64) -> Problem {
    if file_bytes == 0 || start.is_empty() {
        return Problem::Truncated { field: "the magic".to_owned(), needs: 4, left: 0 };
    }
    let Some((found, remedy)) = find(start) else {
        if start.len() < 4 && b"GGUF".starts_with(start) {
            let left = start.len() as u64;
            return Problem::Truncated { field: "the magic".to_owned(), needs: 4, left };
        }
        let magic = quoted(start.get(..4).unwrap_or(start));
        return Problem::wrong("the magic", magic, "`GGUF`");
    };
    Problem::Foreign { found, remedy }
}

const DOWNLOAD: &str = "download the model again, as a file and not as a page";
const CONVERT: &str = "convert the model with llama.cpp's convert_hf_to_gguf.py";
const LEGACY: &str =
    "download the model as GGUF, or convert it with llama.cpp's convert_llama_ggml_to_gguf.py";

fn find(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let at = |n: usize| {
        let bytes = start.get(n * 4..n * 4 + 4)?;
        bytes.try_into().ok().map(u32::from_le_bytes)
    };
    let text = start.trim_ascii_start();
    let begins = |prefix: &str| {
        text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    if is_safetensors(start) {
        return Some(("a safetensors file", CONVERT));
    }
    Some(match start.get(..4)? {
        b"FUGG" => ("a GGUF file with its bytes turned round", "download the model again"),
        b"tjgg" => ("a legacy llama.cpp model (ggjt, before August 2023)", LEGACY),
        b"fmgg" => ("a legacy llama.cpp model (ggmf, of April 2023)", LEGACY),
        b"lmgg" => match (at(1), at(2)) {
            (Some(51_864..=51_866), _) | (_, Some(1500)) => {
                ("a ggml speech model (whisper.cpp)", "it is for transcription, not for text")
            }
            (Some(1..=64), _) => (
                "a ggml voice detection model (silero)",
                "it goes beside a speech model, not in its place: name it under `vad`",
            ),
            _ => ("a legacy llama.cpp model (ggml, of March 2023)", LEGACY),
        },
        b"ggml" => ("a chatglm.cpp model", "download the model as GGUF"),
        b"ggla" => ("a legacy LoRA adapter (ggla)", "convert the adapter to GGUF"),
        b"PK\x03\x04" => ("a zip archive, as PyTorch writes checkpoints", CONVERT),
        [0x80, 2..=5, ..] => ("a Python pickle, which is never loaded here", CONVERT),
        [0x1f, 0x8b, ..] => ("a gzip archive", "unpack it first"),
        b"\x28\xb5\x2f\xfd" => ("a zstd archive", "unpack it first"),
        b"\x89HDF" => ("an HDF5 file", CONVERT),
        _ if begins("version https://git-lfs") => {
            ("a Git LFS pointer", "fetch the file itself with `git lfs pull`")
        }
        _ if begins("<!doctype") || begins("<html") || begins("<head") => ("a web page", DOWNLOAD),
        _ if begins("<?xml") => ("an XML document", DOWNLOAD),
        _ if begins("{") || begins("[") => ("a JSON document", DOWNLOAD),
        _ if start.iter().all(|&byte| byte == 0) => {
            ("all zeros at its start", "download the model again: nothing was written to it")
        }
        _ => return None,
    })
}

/// Safetensors begin with the length of a JSON object, then the object.
fn is_safetensors(start: &[u8]) -> bool {
    let length = start.get(..8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    length.is_some_and(|bytes| (2..=100 << 20).contains(&bytes)) && start.get(8) == Some(&b'{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &[u8], expect: &str) {
        let message = recognise(start, start.len() as u64).to_string();
        assert!(message.contains(expect), "`{message}` lacks `{expect}`");
    }

    fn words(magic: &[u8], numbers: &[u32]) -> Vec<u8> {
        let numbers = numbers.iter().flat_map(|n| n.to_le_bytes());
        magic.iter().copied().chain(numbers).collect()
    }

    #[test]
    fn formats() {
        check(b"", "cut short: the magic needs 4 bytes where 0 are left");
        check(b"GG", "cut short: the magic needs 4 bytes where 2 are left");
        check(&words(b"tjgg", &[3, 32_000]), "ggjt");
        check(&words(b"fmgg", &[1, 32_000]), "ggmf");
        check(&words(b"lmgg", &[32_000, 4096]), "March 2023");
        check(&words(b"lmgg", &[51_865, 1500]), "speech model");
        check(b"lmgg\x0a\0\0\0silero-16k", "voice detection");
        check(&words(b"ggml", &[2, 1]), "chatglm.cpp");
        check(b"PK\x03\x04rest", "PyTorch");
        check(b"\x80\x02}q\0", "pickle");
        check(b"\x10\0\0\0\0\0\0\0{\"a\":{}}", "safetensors");
        check(b"  <!DOCTYPE html><html>", "web page");
        check(b"version https://git-lfs.github.com/spec/v1", "git lfs pull");
        check(b"{\"error\":\"not found\"}", "JSON");
        check(&[0; 64], "all zeros");
        check(b"what is this", "the magic is `what`; it must be `GGUF`");
    }
}

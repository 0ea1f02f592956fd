//! Webm files that are cut short.
//!
//! The library refuses a file whose outermost element is longer than the file, and follows an index
//! to places that are gone. A size that is marked as unknown, as live streams have it, is taken, so
//! that is what it becomes; the index becomes filler.

use std::io::{self, Read as _, Seek as _};

use crate::spool::Recording;

const HEADER: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
const INDEX: [u8; 4] = [0x11, 0x4d, 0x9b, 0x74];
const FILLER: u8 = 0xec;
/// Bytes from the start of a file within which its outermost element begins.
const SAMPLE: u64 = 1_024;

/// The beginning that belongs in front of a file which is cut short, and its length; `None` for
/// any other. The recording is left at its beginning.
pub(crate) fn mended(recording: &mut Recording) -> io::Result<Option<Vec<u8>>> {
    let mut start = Vec::new();
    recording.take(SAMPLE).read_to_end(&mut start)?;
    recording.rewind()?;
    Ok(mend(start, recording.len()))
}

fn mend(mut start: Vec<u8>, len: u64) -> Option<Vec<u8>> {
    let rest = start.strip_prefix(&HEADER)?;
    let (header, width) = number(rest)?;
    let segment = HEADER.len() + width + usize::try_from(header).ok()?;
    let rest = start.get(segment..)?.strip_prefix(&SEGMENT)?;
    let (size, width) = number(rest)?;
    let place = segment + SEGMENT.len();
    let inside = place + width;
    let unknown = u64::MAX >> (64 - 7 * width);
    if size == unknown || size <= len.saturating_sub(inside as u64) {
        return None;
    }
    let field = start.get_mut(place..inside)?;
    field.fill(0xff);
    *field.first_mut()? = 0xff >> (width - 1);
    let index = start.get(inside..).and_then(|rest| rest.strip_prefix(&INDEX)).and_then(number);
    // The filler's name is three bytes shorter, which its size makes up for.
    let filler = index.filter(|(_, width)| *width <= 5).map(|(size, width)| (size, width + 3));
    start.truncate(inside);
    if let Some((size, width)) = filler {
        let marked = size | 1 << (7 * width);
        start.push(FILLER);
        start.extend(marked.to_be_bytes().get(8 - width..)?);
    }
    Some(start)
}

/// A number of 1 to 8 bytes, whose first bits tell how many.
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let width = first.leading_zeros() as usize + 1;
    let rest = bytes.get(1..width)?;
    let mark = 0x80_u8.checked_shr(first.leading_zeros())?;
    let value = rest.iter().fold(u64::from(first & !mark), |sum, &byte| sum << 8 | u64::from(byte));
    Some((value, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(size: &[u8], len: u64, expect: Option<&[u8]>) {
        let front = [&HEADER[..], &[0x82, 1, 2], &SEGMENT].concat();
        let file = [&front[..], size, b"inside"].concat();
        let expect = expect.map(|size| [&front[..], size].concat());
        assert_eq!(mend(file, len), expect);
    }

    #[test]
    fn sizes() {
        check(&[0x86], 18, None);
        check(&[0x87], 18, Some(&[0xff]));
        check(&[0x40, 7], 19, Some(&[0x7f, 0xff]));
        check(&[1, 0, 0, 0, 0, 0, 9, 9], 100, Some(&[1, 255, 255, 255, 255, 255, 255, 255]));
        check(&[1, 255, 255, 255, 255, 255, 255, 255], 100, None);
        check(&[0], 100, None);
        let front = [&HEADER[..], &[0x80], &SEGMENT].concat();
        let file = [&front[..], &[0xfe], &INDEX, &[0xab], b"places"].concat();
        let expect = [&front[..], &[0xff, FILLER, 0x10, 0, 0, 0x2b]].concat();
        assert_eq!(mend(file, 20), Some(expect));
        assert_eq!(mend(HEADER.to_vec(), 4), None);
        assert_eq!(mend(Vec::new(), 0), None);
    }
}

//! Ogg files that are damaged where they begin.
//!
//! The library passes over damaged pages, but for those that it reads to find out what the file
//! is: one wrong bit there, and it gives up the whole recording. A damaged page of sound is taken
//! out, and one of headers gets the checksum of what it holds, since most of that is titles.

use std::io::{self, Read as _, Seek as _};

use symphonia::core::{checksum::Crc32, io::Monitor as _};

use crate::spool::Recording;

const MARK: &[u8; 4] = b"OggS";
/// Bytes of a page in front of the table of its parts.
const HEADER: usize = 27;
/// Where the checksum stands.
const CHECKSUM: std::ops::Range<usize> = 22..26;
/// Bytes in which a page of sound must begin.
const SAMPLE: u64 = 1 << 20;
/// Damaged pages that are passed over; each costs a checksum.
const DAMAGED: usize = 32;

/// What stands for the beginning of a damaged file, and how many bytes that is; `None`: its
/// beginning is sound. The recording is left at its beginning.
pub(crate) fn mended(recording: &mut Recording) -> io::Result<Option<(Vec<u8>, u64)>> {
    let mut start = Vec::new();
    let mut most = 1 << 17;
    loop {
        recording.take(most - start.len() as u64).read_to_end(&mut start)?;
        let whole = (start.len() as u64) < most;
        match mend(&start) {
            Mend::Short if !whole && most < SAMPLE => most *= 2,
            Mend::Short | Mend::Sound => {
                recording.rewind()?;
                return Ok(None);
            }
            Mend::Damaged(front, end) => {
                recording.rewind()?;
                return Ok(Some((front, end)));
            }
        }
    }
}

enum Mend {
    /// There is no page of sound yet.
    Short,
    /// Nothing is damaged up to the first page of sound, or too much to be put right.
    Sound,
    /// What the beginning should be, and where it ends.
    Damaged(Vec<u8>, u64),
}

fn mend(start: &[u8]) -> Mend {
    let mut front = Vec::new();
    let (mut place, mut damaged) = (0, 0);
    while let Some(page) = Page::at(start, place) {
        let whole = page.checksum() == page.claim();
        let headers = page.is_of_headers();
        if whole || (headers && page.ends_at_another(start)) {
            front.extend(page.with_its_checksum());
            damaged += usize::from(!whole);
            place = page.end();
            if !headers {
                break;
            }
        } else {
            damaged += 1;
            let rest = start.get(place + MARK.len()..).unwrap_or_default();
            match rest.windows(MARK.len()).position(|four| four == MARK) {
                Some(next) => place += MARK.len() + next,
                None => return Mend::Short,
            }
        }
        if damaged > DAMAGED {
            return Mend::Sound;
        }
        if place >= start.len() {
            return Mend::Short;
        }
    }
    match damaged {
        0 => Mend::Sound,
        _ if front.is_empty() => Mend::Short,
        _ => Mend::Damaged(front, place as u64),
    }
}

/// A page within the beginning of a file.
struct Page<'a> {
    place: usize,
    bytes: &'a [u8],
}

impl<'a> Page<'a> {
    /// The page at a place, if all of it is there.
    fn at(start: &'a [u8], place: usize) -> Option<Self> {
        let rest = start.get(place..)?;
        if !rest.starts_with(MARK) {
            return None;
        }
        let parts = usize::from(*rest.get(HEADER - 1)?);
        let table = rest.get(HEADER..HEADER + parts)?;
        let body: usize = table.iter().map(|&part| usize::from(part)).sum();
        Some(Self { place, bytes: rest.get(..HEADER + parts + body)? })
    }

    fn end(&self) -> usize {
        self.place + self.bytes.len()
    }

    /// Whether the page holds no sound: its time is the beginning, or none.
    fn is_of_headers(&self) -> bool {
        let time = self.bytes.get(6..14).unwrap_or_default();
        time.iter().all(|&byte| byte == 0)
    }

    fn ends_at_another(&self, start: &[u8]) -> bool {
        start.get(self.end()..).is_some_and(|rest| rest.starts_with(MARK))
    }

    fn claim(&self) -> u32 {
        let bytes = self.bytes.get(CHECKSUM).and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default())
    }

    fn checksum(&self) -> u32 {
        let (mut sum, zeros) = (Crc32::new(0), [0; 4]);
        sum.process_buf_bytes(self.bytes.get(..CHECKSUM.start).unwrap_or_default());
        sum.process_buf_bytes(&zeros);
        sum.process_buf_bytes(self.bytes.get(CHECKSUM.end..).unwrap_or_default());
        sum.crc()
    }

    fn with_its_checksum(&self) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        if let Some(field) = bytes.get_mut(CHECKSUM) {
            field.copy_from_slice(&self.checksum().to_le_bytes());
        }
        bytes
    }
}

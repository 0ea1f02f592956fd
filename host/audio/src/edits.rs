//! Which part of an mp4 file is meant to be heard.
//!
//! AAC encoders put a few dozen milliseconds of their own in front, and the file says so in an edit
//! list, which the container library passes over. The sound track of a film may begin after the
//! picture; that is in the same list.

use std::io::{self, Read, Seek, SeekFrom};

use crate::spool::Recording;

/// The part of a track that is heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Edit {
    pub(crate) track: u32,
    /// Where it begins, in the track's units of time.
    pub(crate) start: u64,
    /// How long it is, in seconds; `None`: up to the end.
    pub(crate) seconds: Option<f64>,
    /// How long nothing is heard before it, in seconds.
    pub(crate) pause: f64,
}

/// An edit whose times are in the movie's units still.
struct Raw {
    track: u32,
    start: u64,
    ticks: u64,
    pause: u64,
}

/// Boxes that are looked at; a real file has a few dozen.
const BOXES: u32 = 4_096;
/// Entries of an edit list; more than these few make a montage, which is not followed.
const ENTRIES: u32 = 8;

/// The edits of a file, as far as they are simple; the recording is left at its beginning.
pub(crate) fn edits(recording: &mut Recording) -> io::Result<Vec<Edit>> {
    let end = recording.len();
    let mut reader = Reader { recording, boxes: 0, scale: 0, edits: Vec::new() };
    // What breaks off is left to the library to complain about.
    let result = match reader.walk(0, end, Level::File) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        other => other,
    };
    let Reader { scale, edits, .. } = reader;
    recording.rewind()?;
    result?;
    let whole = |Raw { track, start, ticks, pause }| {
        let seconds =
            |ticks: u64| (ticks > 0 && scale > 0).then(|| ticks as f64 / f64::from(scale));
        let pause = seconds(pause).unwrap_or_default();
        Edit { track, start, seconds: seconds(ticks), pause }
    };
    Ok(edits.into_iter().map(whole).collect())
}

/// How deep a box lies.
#[derive(Clone, Copy)]
enum Level {
    File,
    Movie,
    Track,
    Edits { track: u32 },
}

struct Reader<'a> {
    recording: &'a mut Recording,
    boxes: u32,
    /// Units of the movie's time in a second.
    scale: u32,
    edits: Vec<Raw>,
}

impl Reader<'_> {
    fn walk(&mut self, start: u64, end: u64, level: Level) -> io::Result<()> {
        let mut at = start;
        let mut level = level;
        while end.saturating_sub(at) >= 8 && self.boxes < BOXES {
            self.boxes += 1;
            self.recording.seek(SeekFrom::Start(at))?;
            let short = self.u32()?;
            let kind = self.array::<4>()?;
            let (header, size) = match short {
                0 => (8, end - at),
                1 => (16, self.u64()?),
                short => (8, u64::from(short)),
            };
            let Some(next) = at.checked_add(size).filter(|&next| size >= header && next <= end)
            else {
                break;
            };
            let inside = at + header;
            match (level, &kind) {
                (Level::File, b"moov") => self.walk(inside, next, Level::Movie)?,
                (Level::Movie, b"trak") => self.walk(inside, next, Level::Track)?,
                (Level::Movie, b"mvhd") => self.scale = self.after_times()?,
                (Level::Track, b"tkhd") => level = Level::Edits { track: self.after_times()? },
                (Level::Edits { .. }, b"edts") => self.walk(inside, next, level)?,
                (Level::Edits { track }, b"elst") => self.list(track)?,
                _ => {}
            }
            at = next;
        }
        Ok(())
    }

    /// The number behind the two times at the beginning of a header.
    fn after_times(&mut self) -> io::Result<u32> {
        let [version, ..] = self.array::<4>()?;
        let times = if version == 1 { 16 } else { 8 };
        self.recording.seek_relative(times)?;
        self.u32()
    }

    fn list(&mut self, track: u32) -> io::Result<()> {
        let [version, ..] = self.array::<4>()?;
        let count = self.u32()?;
        let mut found: Option<Raw> = None;
        let mut pause = 0_u64;
        for _ in 0..count.min(ENTRIES) {
            let (ticks, start) = if version == 1 {
                (self.u64()?, self.u64()?.cast_signed())
            } else {
                (self.u32()?.into(), self.u32()?.cast_signed().into())
            };
            self.u32()?;
            // A negative start is a pause.
            let Ok(start) = u64::try_from(start) else {
                if found.is_none() {
                    pause = pause.saturating_add(ticks);
                }
                continue;
            };
            if found.replace(Raw { track, start, ticks, pause }).is_some() {
                return Ok(());
            }
        }
        if count <= ENTRIES {
            self.edits.extend(found);
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.recording.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &str, inside: &[u8]) -> Vec<u8> {
        let mut out = (u32::try_from(inside.len()).unwrap() + 8).to_be_bytes().to_vec();
        out.extend(kind.as_bytes());
        out.extend(inside);
        out
    }

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn file(list: &[u32]) -> Vec<u8> {
        let track = [
            boxed("tkhd", &numbers(&[0, 0, 0, 7, 0])),
            boxed("edts", &boxed("elst", &numbers(list))),
        ];
        let movie = [boxed("mvhd", &numbers(&[0, 0, 0, 1_000, 0])), boxed("trak", &track.concat())];
        [boxed("ftyp", b"M4A "), boxed("moov", &movie.concat())].concat()
    }

    #[track_caller]
    fn check(bytes: Vec<u8>, expect: Option<(u64, Option<f64>, f64)>) {
        let found = edits(&mut Recording::from_bytes(bytes)).unwrap();
        let expect = expect.map(|(start, seconds, pause)| Edit { track: 7, start, seconds, pause });
        assert_eq!(found, expect.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn lists() {
        const RATE: u32 = 1 << 16;
        check(file(&[0, 1, 2_000, 1_024, RATE]), Some((1_024, Some(2.0), 0.0)));
        check(file(&[0, 1, 0, 1_024, RATE]), Some((1_024, None, 0.0)));
        check(file(&[0, 2, 100, u32::MAX, RATE, 500, 3, RATE]), Some((3, Some(0.5), 0.1)));
        check(file(&[0, 2, 100, 0, RATE, 500, 3, RATE]), None);
        check(file(&[0, 0]), None);
        check(file(&[0, u32::MAX, 100, 0, RATE]), None);
        check(file(&[1 << 24, 1, 0, 2_000, 0, 1_024, RATE]), Some((1_024, Some(2.0), 0.0)));
        let whole = file(&[0, 1, 2_000, 1_024, RATE]);
        for end in 0..whole.len() {
            check(whole[..end].to_vec(), None);
        }
    }
}

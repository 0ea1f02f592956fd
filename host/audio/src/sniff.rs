//! What a file looks like, by its first bytes; for messages, and to find AMR.

/// Bytes from the start of a file that suffice to tell.
pub(crate) const SAMPLE: usize = 512;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A format that is read here.
    Known(&'static str),
    /// AMR in its own container; whether it is the wide band.
    Amr { wide: bool },
    /// Sound in a format that is not read here.
    Codec(&'static str),
    /// No sound at all.
    Other(&'static str),
    /// Nothing that is known; some formats may begin anywhere.
    Unknown,
}

/// Names that wav files begin with; the last two have sizes of 64 bits.
const WAVES: [&[u8; 4]; 3] = [b"RIFF", b"RF64", b"BW64"];

pub(crate) fn sniff(start: &[u8]) -> Kind {
    let tag = |at: usize, tag: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(tag));
    let text = start.trim_ascii_start();
    let begins = |prefix: &str| {
        text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    if tag(0, b"#!AMR\n") {
        return Kind::Amr { wide: false };
    }
    if tag(0, b"#!AMR-WB\n") {
        return Kind::Amr { wide: true };
    }
    let known = match start {
        _ if WAVES.iter().any(|name| tag(0, *name)) && tag(8, b"WAVE") => "wav",
        _ if tag(0, b"FORM") && (tag(8, b"AIFF") || tag(8, b"AIFC")) => "aiff",
        _ if tag(0, b"caff") => "caf",
        _ if tag(0, b"fLaC") => "flac",
        _ if tag(0, b"OggS") && !tag(28, b"Speex   ") => "ogg",
        _ if tag(0, b"\x1a\x45\xdf\xa3") => "webm",
        _ if tag(4, b"ftyp") => "mp4",
        _ if tag(0, b"ID3") => "mp3",
        _ => "",
    };
    if !known.is_empty() {
        return Kind::Known(known);
    }
    match start {
        _ if tag(0, b"OggS") => Kind::Codec("Speex"),
        _ if tag(0, b"#!AMR") => Kind::Codec("AMR with several channels"),
        _ if tag(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11") => Kind::Codec("Windows Media (asf)"),
        _ if tag(0, b"wvpk") => Kind::Codec("WavPack"),
        _ if tag(0, b"MAC ") => Kind::Codec("Monkey's Audio"),
        _ if tag(0, b"MThd") => Kind::Codec("MIDI, which is notes and no sound"),
        _ if tag(0, b"G") && tag(188, b"G") && tag(376, b"G") => Kind::Codec("MPEG-TS video"),
        _ if tag(0, b"\0\0\x01\xba") || tag(0, b"\0\0\x01\xb3") => Kind::Codec("MPEG video"),
        _ if tag(0, b"FLV") => Kind::Codec("Flash video"),
        _ if tag(0, b"RIFF") && tag(8, b"AVI ") => Kind::Codec("AVI video"),
        _ if tag(0, b".snd") => Kind::Codec("Sun audio (au)"),
        _ if tag(0, b"riff\x2e\x91\xcf\x11") => Kind::Codec("Wave64"),
        _ if tag(0, b"DSD ") || tag(0, b"FRM8") => Kind::Codec("DSD"),
        _ if tag(0, b".RMF") || tag(0, b".ra\xfd") => Kind::Codec("RealAudio"),
        _ if tag(0, b"TTA1") => Kind::Codec("TTA"),
        _ if tag(0, b"MPCK") || tag(0, b"MP+") => Kind::Codec("Musepack"),
        _ if tag(0, b"%PDF") => Kind::Other("a PDF document"),
        _ if tag(0, b"PK\x03\x04") => Kind::Other("a zip archive"),
        _ if tag(0, b"\x1f\x8b") => Kind::Other("a gzip archive"),
        _ if tag(0, b"\x89PNG") => Kind::Other("a PNG image"),
        _ if tag(0, b"\xff\xd8\xff") => Kind::Other("a JPEG image"),
        _ if tag(0, b"GIF8") => Kind::Other("a GIF image"),
        _ if tag(0, b"\x7fELF") || tag(0, b"MZ") => Kind::Other("a program"),
        _ if begins("<!doctype") || begins("<html") => Kind::Other("a web page"),
        _ if begins("<?xml") => Kind::Other("an XML document"),
        _ if begins("{") || begins("[") => Kind::Other("a JSON document"),
        _ if begins("data:") => Kind::Other("a data URL: send the bytes that it stands for"),
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &[u8], expect: Kind) {
        assert_eq!(sniff(start), expect);
    }

    #[test]
    fn kinds() {
        check(b"RIFF\0\0\0\0WAVEfmt ", Kind::Known("wav"));
        check(b"RF64\xff\xff\xff\xffWAVEds64", Kind::Known("wav"));
        check(b"RIFF\0\0\0\0AVI LIST", Kind::Codec("AVI video"));
        check(b"\0\0\0\x20ftypM4A ", Kind::Known("mp4"));
        check(b"#!AMR\n\x3c", Kind::Amr { wide: false });
        check(b"#!AMR-WB\n\x3c", Kind::Amr { wide: true });
        check(b"#!AMR_MC1.0\n", Kind::Codec("AMR with several channels"));
        check(b"  <!DOCTYPE html>", Kind::Other("a web page"));
        check(b"{\"model\":1}", Kind::Other("a JSON document"));
        let packet = |byte| [&b"G"[..], &[byte; 187]].concat();
        check(&[packet(1), packet(2), packet(3)].concat(), Kind::Codec("MPEG-TS video"));
        check(&[packet(1), packet(2)].concat(), Kind::Unknown);
        check(b"\0\0\x01\xba\x44\0", Kind::Codec("MPEG video"));
        check(b"", Kind::Unknown);
        check(b"hello", Kind::Unknown);
    }
}

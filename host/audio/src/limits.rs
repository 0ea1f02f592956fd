//! What a recording may cost.

/// What is taken; more is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest recording, in seconds.
    pub seconds: u32,
    /// The greatest size of the encoded file, in bytes.
    pub bytes: u64,
    /// The most channels.
    pub channels: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { seconds: 6 * 60 * 60, bytes: 200 << 20, channels: 32 }
    }
}

/// The sample rates that are taken: telephones have 8000 and studios up to 384,000.
pub(crate) const LEAST_RATE: u32 = 1_000;
pub(crate) const MOST_RATE: u32 = 384_000;

/// Packets without samples in a row, before the file is given up.
pub(crate) const FRUITLESS_PACKETS: u32 = 2_000;

/// Packets of other tracks in a row: a film with a late beginning of its sound has many.
pub(crate) const FOREIGN_PACKETS: u32 = 500_000;

/// The silence that stands for one damaged packet, in seconds at most.
pub(crate) const SILENCE_SECONDS: f64 = 1.0;

/// The size of a file that may be without sound: one of nothing but headers.
pub(crate) const EMPTY_BYTES: u64 = 4_096;

/// Gaps between packets that are filled with silence, in seconds.
pub(crate) const LEAST_GAP: f64 = 0.05;
pub(crate) const MOST_GAP: f64 = 60.0;
/// How long after the picture a sound track may begin, in seconds; more is taken for this.
pub(crate) const MOST_PAUSE: f64 = 3_600.0;

/// Bytes that may be read for each byte of the file, since containers are read with jumps.
pub(crate) const READS: u64 = 16;

/// Bytes that may be read on top of that.
pub(crate) const READ_BYTES: u64 = 64 << 20;

/// Bytes of titles and texts in a file; nobody reads them here.
pub(crate) const TAG_BYTES: usize = 64 << 10;

//! From any audio file to the samples that speech models read: [`SAMPLE_RATE`], one channel,
//! signed 16-bit numbers in little endian.
//!
//! An upload goes into a [`Spool`], which keeps it in memory or in an unnamed file. [`decode`]
//! finds out what it is by its content, whatever its name says, and the [`Decoder`] gives the
//! samples piece by piece: a recording of hours takes a few megabytes.
//!
//! Media files come from strangers. All decoders are written in Rust; a fault in one of them is
//! caught and becomes an [`AudioError`], and what a file may claim or cost is bounded. A damaged
//! packet becomes silence of the same length, so that later words keep their times.
//!
//! ```no_run
//! use audio::{Hint, Limits, Spool};
//!
//! let limits = Limits::default();
//! let mut spool = Spool::new(1 << 20, limits.bytes);
//! spool.write(b"the bytes of an upload, as they come")?;
//! let mut decoder = audio::decode(spool.finish()?, Hint::default(), &limits)?;
//! while let Some(samples) = decoder.next(1 << 20)? {
//!     println!("{} bytes, up to {:.1} s", samples.len(), decoder.seconds());
//! }
//! # Ok::<(), audio::AudioError>(())
//! ```

mod amr;
mod codec;
mod container;
mod decoder;
mod edits;
mod error;
mod guard;
mod joined;
mod limits;
mod mix;
mod ogg;
mod opus;
mod resample;
mod riff;
mod sniff;
mod source;
mod spool;
mod webm;

pub use decoder::{Decoder, Hint, decode};
pub use error::AudioError;
pub use limits::Limits;
pub use spool::{Recording, Spool};

/// Samples in a second of what a [`Decoder`] gives.
pub const SAMPLE_RATE: u32 = 16_000;

//! Writes whisper files with random weights.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Positions of the encoder.
const POSITIONS: u32 = 1500;
/// Positions of the decoder.
pub(crate) const TEXT_CONTEXT: u32 = 448;
/// Bins of the spectrum.
const BINS: u32 = 201;

/// The size of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) vocabulary: u32,
    pub(crate) width: u32,
    pub(crate) heads: u32,
    pub(crate) layers: u32,
    /// Whether matrices have eight bits rather than sixteen.
    pub(crate) quantized: bool,
}

/// The smallest model that is worth a test.
pub(crate) const SMALLEST: Size =
    Size { vocabulary: 51_864, width: 32, heads: 1, layers: 1, quantized: false };

/// A stream of numbers without a pattern (SplitMix64).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Evenly from -1 to 1.
    fn even(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Single,
    Half,
    Eight,
}

struct Writer {
    out: BufWriter<File>,
    random: Random,
}

impl Writer {
    fn number(&mut self, value: u32) {
        self.out.write_all(&value.to_le_bytes()).unwrap();
    }

    /// A tensor, the fastest dimension first.
    fn tensor(
        &mut self,
        name: &str,
        sizes: &[u32],
        kind: Kind,
        mut value: impl FnMut(&mut Random) -> f32,
    ) {
        self.number(u32::try_from(sizes.len()).unwrap());
        self.number(u32::try_from(name.len()).unwrap());
        self.number(match kind {
            Kind::Single => 0,
            Kind::Half => 1,
            Kind::Eight => 8,
        });
        for size in sizes {
            self.number(*size);
        }
        self.out.write_all(name.as_bytes()).unwrap();
        let count: u32 = sizes.iter().product();
        match kind {
            Kind::Single => {
                for _ in 0..count {
                    let value = value(&mut self.random);
                    self.out.write_all(&value.to_le_bytes()).unwrap();
                }
            }
            Kind::Half => {
                for _ in 0..count {
                    let value = half(value(&mut self.random));
                    self.out.write_all(&value.to_le_bytes()).unwrap();
                }
            }
            Kind::Eight => {
                for _ in 0..count / 32 {
                    let values: Vec<f32> = (0..32).map(|_| value(&mut self.random)).collect();
                    let most = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
                    let scale = most / 127.0;
                    self.out.write_all(&half(scale).to_le_bytes()).unwrap();
                    for value in values {
                        let step = if scale > 0.0 { (value / scale).round() } else { 0.0 };
                        self.out.write_all(&(step as i8).to_le_bytes()).unwrap();
                    }
                }
            }
        }
    }

    fn weight(&mut self, name: &str, sizes: &[u32], kind: Kind) {
        let fan: u32 = sizes[..sizes.len() - 1].iter().product();
        // Evenly spread numbers of this bound have the variance that keeps signals their size.
        let bound = (3.0 / fan as f32).sqrt();
        self.tensor(name, sizes, kind, |random| random.even() * bound);
    }

    fn norm(&mut self, name: &str, width: u32) {
        self.tensor(&format!("{name}.weight"), &[width], Kind::Single, |_| 1.0);
        self.tensor(&format!("{name}.bias"), &[width], Kind::Single, |_| 0.0);
    }

    fn linear(&mut self, name: &str, sizes: [u32; 2], kind: Kind) {
        self.weight(&format!("{name}.weight"), &sizes, kind);
        // The keys of attention have none.
        if !name.ends_with("key") {
            let to = sizes[1];
            self.tensor(&format!("{name}.bias"), &[to], Kind::Single, |random| {
                random.even() * 0.02
            });
        }
    }

    fn attention(&mut self, block: &str, name: &str, width: u32, kind: Kind) {
        self.norm(&format!("{block}.{name}_ln"), width);
        for part in ["query", "key", "value", "out"] {
            self.linear(&format!("{block}.{name}.{part}"), [width, width], kind);
        }
    }

    fn block(&mut self, block: &str, size: Size, kind: Kind, crossed: bool) {
        self.attention(block, "attn", size.width, kind);
        if crossed {
            self.attention(block, "cross_attn", size.width, kind);
        }
        self.norm(&format!("{block}.mlp_ln"), size.width);
        self.linear(&format!("{block}.mlp.0"), [size.width, 4 * size.width], kind);
        self.linear(&format!("{block}.mlp.2"), [4 * size.width, size.width], kind);
    }
}

/// A number with sixteen bits; small ones become zero.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let exponent = ((bits >> 23) & 0xff).saturating_sub(112) as u16;
    if exponent == 0 {
        return sign;
    }
    sign | (exponent.min(30) << 10) | ((bits >> 13) & 0x3ff) as u16
}

/// Mel filters as librosa makes them, which the trained models come with.
fn filters(bands: u32) -> Vec<f32> {
    let to_mel = |hertz: f64| {
        if hertz < 1000.0 {
            hertz * 3.0 / 200.0
        } else {
            15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4_f64.ln()
        }
    };
    let to_hertz = |mel: f64| {
        if mel < 15.0 {
            mel * 200.0 / 3.0
        } else {
            1000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp()
        }
    };
    let top = to_mel(8000.0);
    let point = |at: u32| to_hertz(top * f64::from(at) / f64::from(bands + 1));
    let mut values = Vec::new();
    for band in 0..bands {
        let (low, mid, high) = (point(band), point(band + 1), point(band + 2));
        for bin in 0..BINS {
            let hertz = f64::from(bin) * 40.0;
            let rise = ((hertz - low) / (mid - low)).min((high - hertz) / (high - mid));
            values.push((rise.max(0.0) * 2.0 / (high - low)) as f32);
        }
    }
    values
}

/// Writes a model.
pub(crate) fn write(path: &Path, size: Size) {
    let mut writer = Writer { out: BufWriter::new(File::create(path).unwrap()), random: Random(7) };
    let Size { vocabulary, width, heads, layers, quantized } = size;
    writer.number(0x6767_6d6c);
    let header = [
        vocabulary,
        POSITIONS,
        width,
        heads,
        layers,
        TEXT_CONTEXT,
        width,
        heads,
        layers,
        80,
        if quantized { 2007 } else { 1 },
    ];
    for value in header {
        writer.number(value);
    }
    writer.number(80);
    writer.number(BINS);
    for value in filters(80) {
        writer.out.write_all(&value.to_le_bytes()).unwrap();
    }
    let texts = if vocabulary >= 51_865 { 50_257 } else { 50_256 };
    writer.number(texts);
    for token in 0..texts {
        let text = match token {
            0..256 => vec![token as u8],
            token => format!(" w{token}").into_bytes(),
        };
        writer.number(u32::try_from(text.len()).unwrap());
        writer.out.write_all(&text).unwrap();
    }
    let kind = if quantized { Kind::Eight } else { Kind::Half };
    writer.tensor("encoder.positional_embedding", &[width, POSITIONS], Kind::Single, |random| {
        random.even() * 0.5
    });
    writer.weight("encoder.conv1.weight", &[3, 80, width], Kind::Half);
    writer.tensor("encoder.conv1.bias", &[1, width], Kind::Single, |_| 0.0);
    writer.weight("encoder.conv2.weight", &[3, width, width], Kind::Half);
    writer.tensor("encoder.conv2.bias", &[1, width], Kind::Single, |_| 0.0);
    writer.norm("encoder.ln_post", width);
    for layer in 0..layers {
        writer.block(&format!("encoder.blocks.{layer}"), size, kind, false);
    }
    writer.tensor("decoder.positional_embedding", &[width, TEXT_CONTEXT], Kind::Single, |random| {
        random.even()
    });
    writer.weight("decoder.token_embedding.weight", &[width, vocabulary], kind);
    writer.norm("decoder.ln", width);
    for layer in 0..layers {
        writer.block(&format!("decoder.blocks.{layer}"), size, kind, true);
    }
    writer.out.flush().unwrap();
}

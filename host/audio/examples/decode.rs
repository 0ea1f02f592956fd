//! Decodes files and says how fast: `decode FILE...`; with `-o OUT FILE` it writes raw samples.

use std::{error::Error, fs::File, io::Write as _, time::Instant};

use audio::{Hint, Limits, Recording};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = None;
    if arguments.first().is_some_and(|first| first == "-o") {
        arguments.remove(0);
        out = Some(File::create(arguments.remove(0))?);
    }
    let mut text = std::io::stdout();
    for path in arguments {
        let start = Instant::now();
        let recording = Recording::from_file(File::open(&path)?)?;
        let mut decoder = match audio::decode(recording, Hint::default(), &Limits::default()) {
            Ok(decoder) => decoder,
            Err(error) => {
                writeln!(text, "{path}: {error}")?;
                continue;
            }
        };
        while let Some(samples) = decoder.next(1 << 20)? {
            if let Some(out) = &mut out {
                out.write_all(&samples)?;
            }
        }
        let (seconds, took) = (decoder.seconds(), start.elapsed().as_secs_f64());
        writeln!(
            text,
            "{path}: {} {seconds:.4} s (said {:?}), {:.0} times real time, damage {:?}",
            decoder.format(),
            decoder.duration_hint(),
            seconds / took,
            decoder.damage(),
        )?;
    }
    Ok(())
}

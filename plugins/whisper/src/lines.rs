//! Breaking a subtitle into lines.

use crate::pieces::{Piece, Stop};

/// Columns of a line.
const WIDTH: usize = 42;
/// Columns of a line of wide characters: eighteen of them.
const WIDE_WIDTH: usize = 36;

/// How subtitles are laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Columns of a line; `None`: as the script has it.
    pub(crate) width: Option<usize>,
    /// Lines of a subtitle.
    pub(crate) lines: usize,
}

impl Layout {
    /// The room for these pieces.
    pub(crate) fn room(self, pieces: &[Piece<'_>]) -> Room {
        let wide = pieces.iter().filter(|piece| is_wide(piece)).count();
        let usual = if wide * 2 > pieces.len() { WIDE_WIDTH } else { WIDTH };
        Room { width: self.width.unwrap_or(usual), lines: self.lines }
    }
}

fn is_wide(piece: &Piece<'_>) -> bool {
    piece.width > piece.text.chars().count()
}

/// What a subtitle has room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) width: usize,
    pub(crate) lines: usize,
}

impl Room {
    /// Whether pieces fit into one subtitle; one piece always does.
    pub(crate) fn fits(self, pieces: &[Piece<'_>]) -> bool {
        // The fuller the first line, the less is left for the second one.
        let rest = pieces.get(self.fill_line(pieces)..).unwrap_or_default();
        rest.is_empty() || self.lines > 1 && self.fits_line(rest)
    }

    /// How many pieces fit into a line, at least one.
    fn fill_line(self, pieces: &[Piece<'_>]) -> usize {
        let mut columns = 0;
        let fits = |(index, piece): &(usize, &Piece<'_>)| {
            columns += piece.width + usize::from(piece.spaced && *index > 0);
            *index == 0 || columns <= self.width
        };
        pieces.iter().enumerate().take_while(fits).count()
    }

    /// The lines, with a line feed between them.
    pub(crate) fn lay_out(self, pieces: &[Piece<'_>]) -> String {
        if self.fits_line(pieces) || self.lines < 2 {
            return join(pieces);
        }
        let places = (1..pieces.len()).filter_map(|at| {
            let (first, second) = self.breaks(pieces, at)?;
            Some((unevenness(first, second) + price(first), at))
        });
        match places.min().and_then(|(_, at)| pieces.split_at_checked(at)) {
            Some((first, second)) => format!("{}\n{}", join(first), join(second)),
            None => join(pieces),
        }
    }

    /// Both lines, where a break at `at` makes two that fit.
    fn breaks<'p, 'a>(
        self,
        pieces: &'p [Piece<'a>],
        at: usize,
    ) -> Option<(&'p [Piece<'a>], &'p [Piece<'a>])> {
        let (first, second) = pieces.split_at_checked(at)?;
        (self.fits_line(first) && self.fits_line(second)).then_some((first, second))
    }

    fn fits_line(self, pieces: &[Piece<'_>]) -> bool {
        pieces.len() < 2 || width(pieces) <= self.width
    }
}

/// The columns of one line.
pub(crate) fn width(pieces: &[Piece<'_>]) -> usize {
    let spaces = pieces.iter().skip(1).filter(|piece| piece.spaced).count();
    spaces + pieces.iter().map(|piece| piece.width).sum::<usize>()
}

/// Lines of one length read best, and of two the first is rather the shorter one.
fn unevenness(first: &[Piece<'_>], second: &[Piece<'_>]) -> usize {
    let (first, second) = (width(first), width(second));
    if first > second { (first - second) * 3 / 2 } else { second - first }
}

/// What it costs, in columns, to break after these pieces.
fn price(first: &[Piece<'_>]) -> usize {
    match first.last().map(|piece| piece.stop) {
        Some(Stop::Sentence) => 0,
        Some(Stop::Clause) => 4,
        _ => 16,
    }
}

fn join(pieces: &[Piece<'_>]) -> String {
    let mut line = String::new();
    for piece in pieces {
        if piece.spaced && !line.is_empty() {
            line.push(' ');
        }
        line.push_str(piece.text);
    }
    line
}

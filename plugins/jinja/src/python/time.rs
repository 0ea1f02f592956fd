//! `strftime_now`: the request's date and time, as Python formats it.

use std::fmt::Write as _;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A date and a time of day.
#[derive(Clone, Copy)]
struct Moment {
    year: i64,
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

/// The time `now` (RFC 3339) in the words of `format`; directives that Python lacks stay.
pub(crate) fn strftime(now: &str, format: &str) -> String {
    let moment = Moment::parse(now);
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (mut bare, mut directive) = (false, rest.next());
        if directive == Some('-') {
            (bare, directive) = (true, rest.next());
        }
        moment.directive(directive, bare, &mut out);
    }
    out
}

impl Moment {
    /// What cannot be read is the beginning of 1970.
    fn parse(now: &str) -> Self {
        let number = |start: usize, end: usize, lacking: i64| {
            now.get(start..end).and_then(|digits| digits.parse().ok()).unwrap_or(lacking)
        };
        Self {
            year: number(0, 4, 1970),
            month: usize::try_from(number(5, 7, 1)).unwrap_or(1).clamp(1, 12),
            day: number(8, 10, 1),
            hour: number(11, 13, 0),
            minute: number(14, 16, 0),
            second: number(17, 19, 0),
        }
    }

    fn directive(self, directive: Option<char>, bare: bool, out: &mut String) {
        let month = |at: usize| MONTHS.get(at - 1).copied().unwrap_or_default();
        let day = DAYS.get(self.weekday()).copied().unwrap_or_default();
        let short = |name: &'static str| name.get(..3).unwrap_or(name);
        let twelve = (self.hour + 11) % 12 + 1;
        let half = if self.hour < 12 { "AM" } else { "PM" };
        let mut number = |value: i64, width: usize| {
            let width = if bare { 0 } else { width };
            // Writing to a string cannot fail.
            _ = write!(out, "{value:0width$}");
        };
        match directive {
            Some('Y') => number(self.year, 4),
            Some('y') => number(self.year % 100, 2),
            Some('C') => number(self.year / 100, 2),
            Some('m') => number(i64::try_from(self.month).unwrap_or(1), 2),
            Some('d') => number(self.day, 2),
            Some('H') => number(self.hour, 2),
            Some('I') => number(twelve, 2),
            Some('M') => number(self.minute, 2),
            Some('S') => number(self.second, 2),
            Some('j') => number(self.day_of_year(), 3),
            Some('f') => number(0, 6),
            Some('u') => {
                number(i64::try_from(self.weekday()).unwrap_or(0).wrapping_add(6) % 7 + 1, 1);
            }
            Some('w') => number(i64::try_from(self.weekday()).unwrap_or(0), 1),
            Some('e') => _ = write!(out, "{:>2}", self.day),
            Some('k') => _ = write!(out, "{:>2}", self.hour),
            Some('l') => _ = write!(out, "{twelve:>2}"),
            Some('B') => out.push_str(month(self.month)),
            Some('b' | 'h') => out.push_str(short(month(self.month))),
            Some('A') => out.push_str(day),
            Some('a') => out.push_str(short(day)),
            Some('p') => out.push_str(half),
            Some('P') => out.push_str(&half.to_lowercase()),
            Some('z' | 'Z') => {}
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('%') | None => out.push('%'),
            Some(other) => match composed(other) {
                Some(format) => out.push_str(&self.composed(format)),
                None => out.extend(['%', other]),
            },
        }
    }

    fn composed(self, format: &str) -> String {
        let mut out = String::new();
        let mut directive = false;
        for c in format.chars() {
            if directive {
                self.directive(Some(c), false, &mut out);
            } else if c != '%' {
                out.push(c);
            }
            directive = !directive && c == '%';
        }
        out
    }

    fn leap(self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    fn day_of_year(self) -> i64 {
        const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let before = BEFORE.get(self.month - 1).copied().unwrap_or_default();
        before + self.day + i64::from(self.month > 2 && self.leap())
    }

    /// The day of the week, from Sunday.
    fn weekday(self) -> usize {
        let past = self.year - 1;
        let days = past * 365 + past / 4 - past / 100 + past / 400 + self.day_of_year();
        usize::try_from(days.rem_euclid(7)).unwrap_or_default()
    }
}

/// What stands for several directives.
fn composed(directive: char) -> Option<&'static str> {
    Some(match directive {
        'F' => "%Y-%m-%d",
        'T' | 'X' => "%H:%M:%S",
        'R' => "%H:%M",
        'D' | 'x' => "%m/%d/%y",
        'c' => "%a %b %e %H:%M:%S %Y",
        'r' => "%I:%M:%S %p",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(now: &str, format: &str, expect: &str) {
        assert_eq!(strftime(now, format), expect);
    }

    #[test]
    fn as_python() {
        let now = "2026-11-22T09:05:07Z";
        check(now, "%Y-%m-%d %H:%M:%S", "2026-11-22 09:05:07");
        check(now, "%d %b %Y, %B %A %a", "22 Nov 2026, November Sunday Sun");
        check(now, "%-d/%-m %e %I%p %-I %j %y %%", "22/11 22 09AM 9 326 26 %");
        check(now, "%F %T|%c|%Z%z", "2026-11-22 09:05:07|Sun Nov 22 09:05:07 2026|");
        check("2024-03-01T23:00:00Z", "%a %j %I %p %u %w", "Fri 061 11 PM 5 5");
        check("1999-12-31", "%A %j %", "Friday 365 %");
        check("", "%Y", "1970");
    }
}

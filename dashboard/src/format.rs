//! Numbers and times as people read them. The same text on both sides, or hydration would not recognise the page.

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `12:03:41`, UTC.
pub fn clock(ms: i64) -> String {
    let second = ms.div_euclid(1000).rem_euclid(DAY);
    format!("{:02}:{:02}:{:02}", second / HOUR, second / MINUTE % 60, second % 60)
}

/// `12:03`, UTC.
pub fn clock_minutes(ms: i64) -> String {
    clock(ms)[..5].to_owned()
}

/// `2026-03-01 12:03`, UTC.
pub fn date_minutes(ms: i64) -> String {
    format!("{} {}", day(ms), clock_minutes(ms))
}

/// `2026-03-01`, UTC: by Howard Hinnant's `civil_from_days`.
pub fn day(ms: i64) -> String {
    let days = ms.div_euclid(1000 * DAY) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + i64::from(month <= 2))
}

/// `8 s`, `4 min`, `2 h 5 min`, `3 d`: how long, in no more digits than matter.
pub fn span(ms: i64) -> String {
    match ms.max(0) / 1000 {
        s if s < MINUTE => format!("{s} s"),
        s if s < HOUR => format!("{} min", s / MINUTE),
        s if s < DAY => match (s / HOUR, s / MINUTE % 60) {
            (h, 0) => format!("{h} h"),
            (h, m) => format!("{h} h {m} min"),
        },
        s => format!("{} d", s / DAY),
    }
}

/// Seconds of a span as a person writes it: `90s`, `30m`, `2h`, `1d`, or several of these together, as `1h30m`; `None` of
/// anything else, and of nothing.
pub fn parse_span(text: &str) -> Option<u32> {
    let (mut seconds, mut rest) = (0_u32, text.trim());
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = match rest[digits..].chars().next()? {
            's' => 1,
            'm' => MINUTE,
            'h' => HOUR,
            'd' => DAY,
            _ => return None,
        };
        let count: u32 = rest[..digits].parse().ok()?;
        seconds = seconds.checked_add(count.checked_mul(u32::try_from(unit).ok()?)?)?;
        rest = rest[digits + 1..].trim_start();
    }
    Some(seconds)
}

/// `412 Mbit/s`, `1.25 Gbit/s`: three digits.
pub fn bits_per_second(value: f64) -> String {
    let (value, unit) = match value {
        v if v >= 1e12 => (v / 1e12, "Tbit/s"),
        v if v >= 1e9 => (v / 1e9, "Gbit/s"),
        v if v >= 1e6 => (v / 1e6, "Mbit/s"),
        v if v >= 1e3 => (v / 1e3, "kbit/s"),
        v => (v, "bit/s"),
    };
    format!("{} {unit}", three_digits(value))
}

/// `42 %`, `4.2 %`, `0.42 %`: as many decimals as the size needs.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value.abs() {
        v if v < 0.005 => "0 %".into(),
        v if v < 1.0 => format!("{value:.2} %"),
        v if v < 10.0 => format!("{value:.1} %"),
        _ => format!("{value:.0} %"),
    }
}

/// `42.0` per cent as a whole number: `42 %`.
pub fn whole_percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// `12 345`, with thin spaces.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let head = digits.len() % 3;
    let mut groups: Vec<&str> = Vec::new();
    if head > 0 {
        groups.push(&digits[..head]);
    }
    groups.extend((head..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    groups.join("\u{2009}")
}

/// `0`, `0.4`, `12.5`, `230`: a rate.
pub fn rate(per_second: f64) -> String {
    if per_second == 0.0 { "0".into() } else { three_digits(per_second) }
}

fn three_digits(value: f64) -> String {
    match value.abs() {
        v if v < 9.995 => trim(format!("{value:.2}")),
        v if v < 99.95 => trim(format!("{value:.1}")),
        _ => format!("{value:.0}"),
    }
}

/// Without trailing zeros after the point.
fn trim(number: String) -> String {
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(clock(1_764_763_421_999), "12:03:41");
        assert_eq!(clock_minutes(0), "00:00");
        let dates = [0, 951_782_400_000, 1_709_164_799_999, 1_764_763_421_999].map(date_minutes);
        assert_eq!(dates, ["1970-01-01 00:00", "2000-02-29 00:00", "2024-02-28 23:59", "2025-12-03 12:03"]);
        let spans = [-5, 8_900, 61_000, 7_500_000, 7_200_000, 200_000_000].map(span);
        assert_eq!(spans, ["0 s", "8 s", "1 min", "2 h 5 min", "2 h", "2 d"]);
    }

    #[test]
    fn spans_are_read() {
        let read = ["90s", "30m", "2h", "1d", "1h30m", " 1h 5s "].map(parse_span);
        assert_eq!(read, [90, 1_800, 7_200, 86_400, 5_400, 3_605].map(Some));
        for wrong in ["", "h", "30", "30 minutes", "1.5h", "-1h", "99999d", "1w"] {
            assert_eq!(parse_span(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes() {
        let bits = [0.0, 999.0, 1_250.0, 412_400_000.0, 12_345_000_000.0].map(bits_per_second);
        assert_eq!(bits, ["0 bit/s", "999 bit/s", "1.25 kbit/s", "412 Mbit/s", "12.3 Gbit/s"]);
        let percents = [0.0, 0.0042, 0.042, 0.42, 1.0].map(percent);
        assert_eq!(percents, ["0 %", "0.42 %", "4.2 %", "42 %", "100 %"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1\u{2009}000", "1\u{2009}234\u{2009}567"]);
        assert_eq!([0.0, 0.4, 12.5, 230.4].map(rate), ["0", "0.4", "12.5", "230"]);
    }
}

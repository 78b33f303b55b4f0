use super::*;

fn limiter(per_second: u32, burst: u32, slip: u8, lines: usize) -> Limiter {
    Limiter::with_lines(Limits { per_second, burst, slip, ..Limits::default() }, [5; 16], lines).unwrap()
}

fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_800_000_000_000_000 + micros).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Replies to this source that pass, slip and are dropped, one every `every` microseconds.
fn flood(limiter: &Limiter, source: IpAddr, begin: i64, seconds: i64, every: i64) -> (usize, usize, usize) {
    let mut told = (0, 0, 0);
    for micros in (begin..begin + seconds * 1_000_000).step_by(every as usize) {
        match limiter.judge(source, Kind::Data, 1, at(micros)) {
            Verdict::Pass => told.0 += 1,
            Verdict::Slip => told.1 += 1,
            Verdict::Drop => told.2 += 1,
        }
    }
    told
}

#[test]
fn the_rate_is_held_for_ever_and_the_burst_once() {
    for (per_second, burst) in [(1, 1), (5, 75), (7, 10), (200, 400), (1000, 1000), (10_000, 20_000)] {
        let limiter = limiter(per_second, burst, 0, LINES);
        let (passed, slipped, dropped) = flood(&limiter, ip("192.0.2.1"), 0, 60, 53);
        let due = f64::from(60 * per_second + burst);
        let share = passed as f64 / due;
        assert!((0.98..=1.02).contains(&share), "{per_second}: {passed} of {due}");
        assert_eq!(slipped, 0);
        assert!(dropped > 0);
        // Quiet for as long as a burst takes to come back, and it is there again; who stays under the rate is never
        // refused.
        let later = 3600 * 1_000_000;
        assert!((0..burst).all(|_| limiter.judge(ip("192.0.2.1"), Kind::Data, 1, at(later)) == Verdict::Pass));
        assert_eq!(limiter.judge(ip("192.0.2.1"), Kind::Data, 1, at(later)), Verdict::Drop);
        let every = 1_020_000 / i64::from(per_second);
        let (_, slipped, dropped) = flood(&limiter, ip("198.51.100.1"), later, 20, every);
        assert_eq!((slipped, dropped), (0, 0), "{per_second}");
    }
}

#[test]
fn every_nth_refused_is_slipped() {
    for slip in 0..=MAX_SLIP {
        let limiter = limiter(1, 1, slip, LINES);
        let verdicts: Vec<_> = (0..1 + 60).map(|_| limiter.judge(ip("192.0.2.1"), Kind::Nxdomain, 1, at(0))).collect();
        for (n, verdict) in verdicts.into_iter().enumerate() {
            let wanted = match n {
                0 => Verdict::Pass,
                n if slip > 0 && n % usize::from(slip) == 0 => Verdict::Slip,
                _ => Verdict::Drop,
            };
            assert_eq!(verdict, wanted, "slip {slip}, refused {n}");
        }
    }
}

#[test]
fn prefixes_kinds_and_subjects_are_apart_and_neighbours_are_not() {
    let limiter = limiter(1, 1, 0, LINES);
    let judge = |source, kind, subject| limiter.judge(ip(source), kind, subject, at(0));
    for (source, kind, subject) in [
        ("192.0.2.1", Kind::Data, 1),
        ("192.0.3.1", Kind::Data, 1),
        ("2001:db8:0:0::1", Kind::Data, 1),
        ("2001:db8:0:100::1", Kind::Data, 1),
        ("192.0.2.1", Kind::Nodata, 1),
        ("192.0.2.1", Kind::Nxdomain, 1),
        ("192.0.2.1", Kind::Referral, 1),
        ("192.0.2.1", Kind::Error, 1),
        ("192.0.2.1", Kind::Data, 2),
    ] {
        assert_eq!(judge(source, kind, subject), Verdict::Pass, "{source} {kind:?} {subject}");
    }
    for source in ["192.0.2.255", "::ffff:192.0.2.7", "2001:db8:0:ff::2"] {
        assert_eq!(judge(source, Kind::Data, 1), Verdict::Drop, "{source}");
    }
}

#[test]
fn the_exempt_are_known() {
    let exempt = vec!["192.0.2.0/28".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    let limits = Limits { per_second: 1, burst: 1, exempt, ..Limits::default() };
    let limiter = Limiter::new(limits, [5; 16]).unwrap();
    for source in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"] {
        let source = ip(source);
        assert!(limiter.is_exempt(source), "{source}");
    }
    assert!(!limiter.is_exempt(ip("192.0.2.16")));
    let by_default = Limiter::new(Limits::default(), [5; 16]).unwrap();
    assert!(by_default.is_exempt(ip("127.0.0.2")) && by_default.is_exempt(ip("::1")));
}

/// A table of 8,192 subjects under a million prefixes that ask once or twice, and beside them one that floods.
#[test]
fn a_million_prefixes_neither_starve_one_nor_shelter_one() {
    let limiter = limiter(20, 20, 0, 1 << 10);
    let (heavy, quiet) = (ip("192.0.2.1"), ip("198.51.100.1"));
    let mut passed = 0;
    // 20 seconds, 100,000 strangers a second, 2,000 a second of the heavy one.
    for n in 0..2_000_000_u32 {
        let now = at(i64::from(n) * 10);
        let stranger = IpAddr::from((0x0a00_0000 + (n % 1_000_000) * 0x100).to_be_bytes());
        assert_eq!(limiter.judge(stranger, Kind::Data, 1, now), Verdict::Pass, "{n}");
        if n % 50 == 0 {
            passed += usize::from(limiter.judge(heavy, Kind::Data, 1, now) == Verdict::Pass);
        }
        if n % 10_000 == 0 {
            assert_eq!(limiter.judge(quiet, Kind::Data, 1, now), Verdict::Pass, "{n}");
        }
    }
    assert!((400..=432).contains(&passed), "{passed} of 420");
}

#[test]
fn clocks_that_turn_or_step_forget_debts_and_make_none() {
    let limiter = limiter(1, 5, 0, LINES);
    let judge = |micros| limiter.judge(ip("192.0.2.1"), Kind::Data, 1, at(micros));
    assert!((0..5).all(|_| judge(0) == Verdict::Pass));
    assert_eq!(judge(0), Verdict::Drop);
    // Set back: by less than a second, it is waited for; by more, forgotten.
    assert_eq!(judge(-500_000), Verdict::Drop);
    assert_eq!(judge(-3_600_000_000), Verdict::Pass);
    // A turn of 2^16 seconds later, and a little: the moment before would be ahead again.
    assert!((0..4).all(|_| judge(-3_600_000_000) == Verdict::Pass));
    assert_eq!(judge(-3_600_000_000), Verdict::Drop);
    assert_eq!(judge(-3_600_000_000 + (65_536 - 30) * 1_000_000), Verdict::Pass);
}

#[test]
fn threads_share_one_rate() {
    let limiter = limiter(10, 1000, 0, LINES);
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let judge = || limiter.judge(ip("192.0.2.1"), Kind::Data, 1, at(0)) == Verdict::Pass;
                scope.spawn(move || (0..1000).filter(|_| judge()).count())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 1000);
}

#[test]
fn limits_that_no_bucket_holds_are_refused() {
    let limits = |per_second, burst, slip| Limits { per_second, burst, slip, ..Limits::default() };
    let error = |limits| Limiter::new(limits, [5; 16]).err();
    assert_eq!(error(limits(10_001, 1, 2)), Some(LimitError::Rate(10_001)));
    assert_eq!(error(limits(1, 0, 2)), Some(LimitError::Burst(0)));
    assert_eq!(error(limits(1, 3600, 2)), Some(LimitError::Burst(3600)));
    assert_eq!(error(limits(1, 1, 16)), Some(LimitError::Slip(16)));
    let off = Limiter::new(limits(0, 0, 2), [5; 16]).unwrap();
    assert_eq!(flood(&off, ip("192.0.2.1"), 0, 1, 100).0, 10_000);
}

#[test]
fn a_reply_is_at_most_ten_times_its_query_and_512_are_always_due() {
    let limiter = limiter(1, 1, 0, LINES);
    assert_eq!([20, 51, 52, 100].map(|query| limiter.largest(query)), [512, 512, 520, 1000]);
    let any = Limiter::new(Limits { amplification: 0, ..Limits::default() }, [5; 16]).unwrap();
    assert_eq!(any.largest(20), usize::MAX);
}

//! Text exactly as Python prints it.

use chrono::{Local, NaiveDate, TimeZone};
use rand::{RngExt, SeedableRng};
use retrain::pyfmt::{bottleneck_string, float32, parse_float, timestamp};

fn golden() -> Vec<(f32, String)> {
    let text = std::fs::read_to_string(super::support::golden("pyfmt/float32.txt")).unwrap();
    let line = |line: &str| {
        let (bits, text) = line.split_once(' ').unwrap();
        (f32::from_bits(u32::from_str_radix(bits, 16).unwrap()), text.to_owned())
    };
    text.lines().map(line).collect()
}

#[test]
fn float32_is_printed_as_numpy_prints_it() {
    let golden = golden();
    assert!(golden.len() > 500);
    let wrong = |(value, text): &(f32, String)| {
        let ours = float32(*value);
        (ours != *text).then(|| format!("{:08x}: {ours} instead of {text}", value.to_bits()))
    };
    assert_eq!(golden.iter().filter_map(wrong).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn what_numpy_printed_is_read_back_to_the_bit() {
    for (value, text) in golden() {
        let read = parse_float(&text).unwrap();
        assert!(
            read.to_bits() == value.to_bits() || read.is_nan() && value.is_nan(),
            "{text}: {read:e}"
        );
    }
}

#[test]
fn what_is_printed_is_read_back_to_the_bit() {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    for _ in 0..200_000 {
        let value = f32::from_bits(rng.random());
        if value.is_finite() {
            let text = float32(value);
            assert_eq!(parse_float(&text).map(f32::to_bits), Some(value.to_bits()), "{text}");
        }
    }
}

/// Below a power of two the next float is nearer than above it. (The texts are numpy's.)
#[test]
fn powers_of_two_are_printed_as_numpy_prints_them_and_read_back() {
    for exponent in 1..255u32 {
        let value = f32::from_bits(exponent << 23);
        assert_eq!(parse_float(&float32(value)), Some(value));
    }
    for (bits, text) in [
        (0x0f80_0000, "1.2621775e-29"),
        (0x4d00_0000, "134217730.0"),
        (0x6b00_0000, "1.5474251e+26"),
        (0x6c80_0000, "1.2379401e+27"),
    ] {
        assert_eq!(float32(f32::from_bits(bits)), text);
    }
}

#[test]
fn numbers_are_read_by_the_rules_of_pythons_float() {
    // How Python 3.7's `float` reads each.
    let readable = [
        ("1", 1.0),
        (" 1.5\n", 1.5),
        ("+2", 2.0),
        ("1_0.5", 10.5),
        ("1e-05", 1e-5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1E3", 1000.0),
        ("inf", f32::INFINITY),
        ("-Infinity", f32::NEG_INFINITY),
        ("1e400", f32::INFINITY),
    ];
    for (text, value) in readable {
        assert_eq!(parse_float(text), Some(value), "'{text}'");
    }
    assert!(parse_float("nan").unwrap().is_nan());
    for text in
        ["", " ", "1,5", "1__0", "_1", "1_", "0x10", "1.5.2", "1e", "e5", "-", "1 2", "abc", "3.0f"]
    {
        assert_eq!(parse_float(text), None, "'{text}'");
    }
}

#[test]
fn bottleneck_text_has_commas_and_nothing_else() {
    assert_eq!(bottleneck_string(&[-3.117_057, 1e-5, 0.0, 2.0]), "-3.117057,1e-05,0.0,2.0");
    assert_eq!(bottleneck_string(&[]), "");
}

#[test]
fn timestamps_are_those_of_datetime_now() {
    let at = |micro| {
        let time = NaiveDate::from_ymd_opt(2017, 12, 6)
            .unwrap()
            .and_hms_micro_opt(9, 5, 3, micro)
            .unwrap();
        timestamp(Local.from_local_datetime(&time).unwrap())
    };
    assert_eq!(at(783_005), "2017-12-06 09:05:03.783005");
    assert_eq!(at(5), "2017-12-06 09:05:03.000005");
    // Python omits a fraction of zero.
    assert_eq!(at(0), "2017-12-06 09:05:03");
}

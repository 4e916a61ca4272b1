//! FITS files without a peer: small ones that astropy made, and hostile ones.

use super::support::{golden, json};
use flate2::Compression;
use flate2::write::GzEncoder;
use retrain::images::MAX_PIXELS;
use retrain::images::fits::{FitsSettings, Frame, Hdu, Values, is_fits, size};
use std::io::Write;
use std::time::Instant;

const BLOCK: usize = 2880;

fn read(content: &[u8]) -> Result<Frame, String> {
    Frame::read(content, &FitsSettings::default())
}

fn singles(values: &[f32]) -> Values {
    Values::Single(values.to_vec())
}

/// A header of cards that stand as they are given, padded.
fn header(cards: &[&str]) -> Vec<u8> {
    let cards = cards.iter().chain(&["END"]).map(|card| format!("{card:80}"));
    let mut header = cards.collect::<String>().into_bytes();
    header.resize(header.len().next_multiple_of(BLOCK), b' ');
    header
}

/// A file with one image, whose data is not padded.
fn image(cards: &[&str], data: &[u8]) -> Vec<u8> {
    let cards = [&["SIMPLE  =                    T"], cards].concat();
    [header(&cards), data.to_vec()].concat()
}

/// The cards that every image has.
fn cards(bitpix: i64, axes: &[i64]) -> Vec<String> {
    let card = |(i, axis)| format!("NAXIS{:<3}= {axis:20}", i + 1);
    let fixed = [format!("BITPIX  = {bitpix:20}"), format!("NAXIS   = {:20}", axes.len())];
    fixed.into_iter().chain(axes.iter().enumerate().map(card)).collect()
}

fn plain(bitpix: i64, axes: &[i64], more: &[&str], data: &[u8]) -> Vec<u8> {
    let cards = cards(bitpix, axes);
    let cards: Vec<&str> = cards.iter().map(String::as_str).chain(more.iter().copied()).collect();
    image(&cards, data)
}

/// A FITS file with an image of such axes, the length of a row first.
pub(crate) fn fits_file(axes: &[usize], values: &[f32]) -> Vec<u8> {
    let mut cards = vec!["SIMPLE  =                    T".to_owned(), "BITPIX  = -32".to_owned()];
    cards.push(format!("NAXIS   = {}", axes.len()));
    cards.extend(axes.iter().enumerate().map(|(i, axis)| format!("NAXIS{}  = {axis}", i + 1)));
    cards.push("END".to_owned());
    let mut file: Vec<u8> = cards.iter().flat_map(|c| format!("{c:80}").into_bytes()).collect();
    file.resize(file.len().next_multiple_of(2880), b' ');
    file.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    file.resize(file.len().next_multiple_of(2880), 0);
    file
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn small_files_have_astropys_values() {
    let values = json(&golden("fits/values.json"));
    let values = values.as_object().unwrap();
    assert_eq!(values.len(), 9);
    for (name, wanted) in values {
        let content = std::fs::read(golden("fits").join(name)).unwrap();
        assert!(is_fits(&content) && is_fits(&gzipped(&content)), "{name}");
        for content in [gzipped(&content), content] {
            let frame = read(&content).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!((frame.width, frame.height), (8, 6), "{name}");
            assert_eq!(size(&content, &FitsSettings::default()), Ok((8, 6)), "{name}");
            let ours: Vec<f64> = match &frame.values {
                Values::Single(values) => values.iter().map(|&value| value.into()).collect(),
                Values::Double(values) => values.clone(),
            };
            let wanted = wanted.as_array().unwrap();
            assert_eq!(ours.len(), wanted.len(), "{name}");
            for (ours, wanted) in ours.iter().zip(wanted) {
                let wanted = wanted.as_f64().unwrap_or(f64::NAN);
                let is_same = (ours - wanted).abs() <= 1e-7 * wanted.abs();
                assert!(is_same || ours.is_nan() && wanted.is_nan(), "{name}: {ours}, {wanted}");
            }
        }
    }
}

#[test]
fn the_first_row_of_the_photograph_is_the_last_of_the_file() {
    let frame = read(&plain(8, &[2, 2], &[], &[0, 85, 170, 255])).unwrap();
    assert_eq!(frame.values, singles(&[0.0, 85.0, 170.0, 255.0]));
    let grey: Vec<u8> = [170, 255, 0, 85].iter().flat_map(|&level| [level; 3]).collect();
    assert_eq!(frame.raster().pixels, grey);
    let cube = read(&plain(8, &[1, 2, 3], &[], &[0, 255, 0, 9, 4, 0])).unwrap();
    assert_eq!(cube.raster().pixels, [255, 255, 0, 0, 0, 255]);
}

#[test]
fn undefined_pixels_are_black_and_count_for_nothing() {
    let blank = plain(16, &[3, 1], &["BLANK   =                   -1"], b"\xff\xff\0\x05\0\x07");
    let frame = read(&blank).unwrap();
    assert!(frame.scaled()[0].is_nan());
    assert_eq!(frame.scaled()[1..], [0.0, 1.0]);
    assert_eq!(frame.raster().pixels, [0, 0, 0, 0, 0, 0, 255, 255, 255]);
    // The last is infinite.
    let data = [[0, 0, 0, 0], 1f32.to_be_bytes(), f32::INFINITY.to_be_bytes()].concat();
    for stretch in ["linear", "log", "histeq"] {
        let settings = FitsSettings { stretch: stretch.parse().unwrap(), ..Default::default() };
        let frame = Frame::read(&plain(-32, &[3, 1], &[], &data), &settings).unwrap();
        assert_eq!(frame.raster().pixels[6..], [255; 3], "{stretch}");
        let constant = [1f32.to_be_bytes(), 1f32.to_be_bytes(), f32::NAN.to_be_bytes()].concat();
        let frame = Frame::read(&plain(-32, &[3, 1], &[], &constant), &settings).unwrap();
        assert_eq!(frame.raster().pixels, [0; 9], "{stretch}");
    }
    let all = plain(16, &[1, 1], &["BLANK   =                   -1"], b"\xff\xff");
    let why = "has no pixel with a value: all are BLANK, NaN or infinite";
    assert_eq!(read(&all).unwrap_err(), why);
    assert_eq!(read(&plain(-32, &[1, 1], &[], &[0xff; 4])).unwrap_err(), why);
}

#[test]
fn comments_in_other_languages_and_missing_padding_do_no_harm() {
    let mut content = plain(8, &[2, 1], &["OBSERVER= 'Dvorak  '           / Dvorak"], b"\x01\x02");
    let at = content.windows(8).position(|w| w == b"/ Dvorak").unwrap();
    content[at + 4] = 0xf8;
    assert_eq!(read(&content).unwrap().values, singles(&[1.0, 2.0]));
}

#[test]
fn cutouts_lie_in_the_frame_or_are_none() {
    let frame = read(&plain(8, &[3, 2], &[], &[1, 2, 3, 4, 5, 6])).unwrap();
    let cut = frame.cutout(1.0, 0.0, 3, 1).unwrap();
    assert_eq!(cut.values, singles(&[1.0, 2.0, 3.0]));
    assert!(cut.pixel(0.0, 0.0).unwrap_err().contains("without a WCS"));
    let Values::Single(corner) = frame.cutout(-0.6, 0.0, 2, 2).unwrap().values else { panic!() };
    assert!(corner[0].is_nan() && corner[2].is_nan() && corner[1].is_nan() && corner[3] == 1.0);
    for (x, y) in
        [(-3.0, 0.0), (5.0, 0.0), (0.0, 9.0), (f64::NAN, 0.0), (f64::INFINITY, 0.0), (0.0, 1e300)]
    {
        assert!(frame.cutout(x, y, 2, 2).is_none(), "{x}, {y}");
    }
    assert!(frame.cutout(1.0, 1.0, 0, 2).is_none());
    assert!(frame.cutout(1.0, 1.0, usize::MAX, usize::MAX).is_none());
    assert!(frame.cutout(1.0, 1.0, MAX_PIXELS as usize, 2).is_none());
}

#[test]
fn headers_that_claim_the_impossible_are_refused() {
    let huge = i64::from(u32::MAX);
    let claims: [(Vec<u8>, &str); 17] = [
        (b"SIMPLE  =                    T".to_vec(), "is not a FITS file, or cut off"),
        (vec![b'x'; 3 * BLOCK], "is not a FITS file, or cut off"),
        (image(&[], b"")[..BLOCK - 1].to_vec(), "is not a FITS file, or cut off"),
        (plain(8, &[60_000, 60_000], &[], b""), "is 60000 × 60000 pixels, more than the 1789"),
        (plain(8, &[huge, huge], &[], b""), "has an HDU 0 that claims more data than any file"),
        (plain(8, &[9000, 9000, 3], &[], b""), "is 9000 × 9000 pixels in 3 planes, together more"),
        (plain(8, &[1 << 40, 1], &[], b""), "has an HDU 0 whose NAXIS1 is not 0 to 2³²"),
        (plain(8, &[4, -4], &[], b""), "has an HDU 0 whose NAXIS2 is not 0 to 2³²"),
        (plain(17, &[4, 4], &[], b""), "has an HDU 0 whose BITPIX is not 8, 16, 32"),
        (plain(i64::MIN, &[4, 4], &[], b""), "has an HDU 0 whose BITPIX is not 8, 16, 32"),
        (plain(8, &[9; 5], &[], &[0; 59049]), "is an array of 9 × 9 × 9 × 9 × 9 pixels, not"),
        (plain(16, &[4, 4], &[], &[0; 31]), "is cut off within the image of HDU 0"),
        (image(&["BITPIX  = 8", "NAXIS   = -1"], b""), "has an HDU 0 whose NAXIS is not 0 to 999"),
        (image(&["BITPIX  = 8", "NAXIS   = 99999999"], b""), "has an HDU 0 whose NAXIS is not 0"),
        (image(&["BITPIX  = 8", "NAXIS   = 2"], b""), "has an HDU 0 whose NAXIS1 is not 0 to"),
        (plain(8, &[], &[], b""), "holds no image: HDU 0 is empty"),
        (plain(8, &[7], &[], &[0; 7]), "holds no image: HDU 0 has one axis"),
    ];
    for (content, message) in claims {
        for content in [gzipped(&content), content] {
            let why = read(&content).unwrap_err();
            assert!(why.starts_with(message), "{why}, not {message}");
        }
    }
}

#[test]
fn extensions_that_claim_the_impossible_are_refused() {
    let extension = |pcount: &str, gcount: &str| {
        let mut content = image(&["BITPIX  = 8", "NAXIS   = 0"], b"");
        let pcount = format!("PCOUNT  = {pcount}");
        let gcount = format!("GCOUNT  = {gcount}");
        let table = ["XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 4"];
        content.extend(header(&[&table[..], &["NAXIS2  = 4", &pcount, &gcount]].concat()));
        content
    };
    for (pcount, gcount, message) in [
        ("-5", "1", "has an HDU 1 whose PCOUNT is -5"),
        ("0", "-1", "has an HDU 1 whose GCOUNT is -1"),
        ("0", "0", "has an HDU 1 whose GCOUNT is 0"),
        ("9223372036854775807", "1", "has an HDU 1 that claims more data than any file can have"),
        ("0", "9223372036854775807", "has an HDU 1 that claims more data than any file can have"),
        ("4611686018427387904", "1", "is cut off within the data of HDU 1"),
        ("0", "1", "is cut off within the data of HDU 1"),
    ] {
        assert_eq!(read(&extension(pcount, gcount)).unwrap_err(), message);
    }
}

#[test]
fn a_search_through_thousands_of_hdus_ends() {
    let empty = header(&["XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0"]);
    let content = [image(&["BITPIX  = 8", "NAXIS   = 0"], b""), empty.repeat(10_000)].concat();
    let start = Instant::now();
    let why = "has no image among its first 1000 HDUs, which is as far as is searched";
    for hdu in [None, Some(Hdu::Name("SCI".into())), Some(Hdu::Number(9_999))] {
        let settings = FitsSettings { hdu, ..FitsSettings::default() };
        assert_eq!(size(&content, &settings).unwrap_err(), why);
        assert_eq!(Frame::read(&content, &settings).unwrap_err(), why);
    }
    let endless = [b"SIMPLE  =                    T".as_slice(), &[b' '; 50]].concat();
    let why = read(&endless.repeat(1_000_000)).unwrap_err();
    assert_eq!(why, "has a header of more than 18000 cards");
    assert!(start.elapsed().as_secs() < 60);
}

/// One gigabyte of zeros for each megabyte of file.
fn bomb(start: &[u8], megabytes: usize) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(start).unwrap();
    (0..megabytes).for_each(|_| gzip.write_all(&[0; 1 << 20]).unwrap());
    gzip.finish().unwrap()
}

#[test]
fn compressed_bombs_do_not_go_off() {
    // It is not inflated beyond its header, or its image.
    let start = Instant::now();
    let small = bomb(&plain(8, &[2, 2], &[], &[1, 2, 3, 4]), 600);
    assert_eq!(read(&small).unwrap().values, singles(&[1.0, 2.0, 3.0, 4.0]));
    let large = bomb(&plain(8, &[60_000, 60_000], &[], b""), 600);
    assert!(read(&large).unwrap_err().starts_with("is 60000 × 60000 pixels"));
    assert!(start.elapsed().as_secs() < 60);
    let damaged = &small[..small.len() / 2];
    assert!(read(damaged).is_ok());
    let other = size(damaged, &FitsSettings { hdu: Some(Hdu::Number(3)), ..Default::default() });
    assert!(other.unwrap_err().starts_with("has no HDU 3"));
}

/// A table of tiles, one for each row of 4 pixels, with each tile's bytes; some cards replace
/// those of the same keyword.
fn tiled(tiles: &[&[u8]], changed: &[&str]) -> Vec<u8> {
    let mut cards: Vec<String> = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
        "NAXIS1  =                    8",
        "NAXIS2  =                    2",
        "PCOUNT  =                  100",
        "GCOUNT  =                    1",
        "TFIELDS =                    1",
        "TTYPE1  = 'COMPRESSED_DATA'",
        "TFORM1  = '1PB(9)  '",
        "ZIMAGE  =                    T",
        "ZBITPIX =                   16",
        "ZNAXIS  =                    2",
        "ZNAXIS1 =                    4",
        "ZNAXIS2 =                    2",
        "ZCMPTYPE= 'GZIP_1  '",
    ]
    .map(String::from)
    .to_vec();
    for change in changed {
        let is_same = |card: &String| card[..8] == change[..8];
        cards.retain(|card| !is_same(card));
        cards.push((*change).into());
    }
    let mut data = Vec::new();
    let mut heap: Vec<u8> = Vec::new();
    for tile in tiles {
        data.extend((tile.len() as u32).to_be_bytes());
        data.extend((heap.len() as u32).to_be_bytes());
        heap.extend(*tile);
    }
    data.extend(heap);
    data.resize(data.len() + 4 * BLOCK, 0);
    let cards: Vec<&str> = cards.iter().map(String::as_str).collect();
    [image(&["BITPIX  = 8", "NAXIS   = 0"], b""), header(&cards), data].concat()
}

#[test]
fn tables_of_tiles_are_checked_before_they_are_decoded() {
    let tile = gzipped(&[0, 1, 0, 2, 0, 3, 0, 4]);
    let tiles = [&tile[..], &tile];
    let values = read(&tiled(&tiles, &[])).unwrap().values;
    assert_eq!(values, singles(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]));
    for (change, message) in [
        ("ZNAXIS2 = 3", "it has 2 rows for 3 tiles"),
        ("ZNAXIS1 = 5", "a tile of 5 pixels does not inflate to as many"),
        ("ZTILE1  = 0", "its ZTILE1 is not above 0"),
        ("ZTILE2  = -3", "its ZTILE2 is not above 0"),
        ("NAXIS1  = -8", "whose NAXIS1 is not 0 to 2³²"),
        ("NAXIS1  = 9", "its columns are not those of compressed tiles"),
        ("TFIELDS = 0", "its TFIELDS is not 1 to 999"),
        ("TFIELDS = 99999", "its TFIELDS is not 1 to 999"),
        ("TFIELDS = 2", "its TFORM2 is \"\""),
        ("TFORM1  = '(3)     '", "its TFORM1 is \"(3)\""),
        ("TFORM1  = '0PB     '", "its TFORM1 is \"0PB\""),
        ("TFORM1  = '1PA     '", "its TFORM1 is \"1PA\""),
        ("TFORM1  = '99999999999999999999PB'", "its TFORM1 is"),
        ("TFORM1  = '1QB     '", "its columns are not those of compressed tiles"),
        ("TFORM1  = '1PD     '", "a tile lies outside the file"),
        ("TTYPE1  = 'OTHER   '", "its columns are not those of compressed tiles"),
        ("THEAP   = 17", "there is a gap before its tiles"),
        ("ZCMPTYPE= 'HCOMPRESS_1'", "compression \"HCOMPRESS_1\" is not RICE_1, GZIP_1 or GZIP_2"),
        ("ZBITPIX = 15", "whose ZBITPIX is not 8, 16, 32, 64, -32 or -64"),
        ("ZNAXIS  = -1", "whose ZNAXIS is not 0 to 999"),
        ("ZDITHER0= 9223372036854775807", "its ZDITHER0 is 9223372036854775807, not 1 to 10000"),
    ] {
        let why = read(&tiled(&tiles, &[change])).unwrap_err();
        assert!(why.contains(message), "{change}: {why}, not {message}");
    }
}

#[test]
fn tiles_that_would_not_end_or_inflate_without_limit_are_refused() {
    let tile = gzipped(&[0, 1, 0, 2, 0, 3, 0, 4]);
    let tiles = [&tile[..], &tile];
    let named = ["ZNAME1  = 'BLOCKSIZE'", "ZVAL1   = 0", "ZCMPTYPE= 'RICE_1  '"];
    let why = read(&tiled(&tiles, &named)).unwrap_err();
    assert!(why.ends_with("its BLOCKSIZE is 0 and its BYTEPIX is 4"), "{why}");
    // A tile that inflates to more than it should, and one that lies about it.
    let mut liar = bomb(b"", 300);
    let length = liar.len();
    for (size, seen) in [(300 << 20, false), (8, true)] {
        liar[length - 4..].copy_from_slice(&u32::to_le_bytes(size));
        let pcount = format!("PCOUNT  = {}", 2 * length);
        let start = Instant::now();
        let why = read(&tiled(&[&liar, &liar], &[&pcount])).unwrap_err();
        assert!(why.ends_with("a tile of 4 pixels does not inflate to as many"), "{why} {seen}");
        assert!(start.elapsed().as_secs() < 20);
    }
}

#[test]
fn damaged_files_are_refused_or_read_and_never_crash() {
    let settings = FitsSettings { interval: "zscale".parse().unwrap(), ..Default::default() };
    for name in json(&golden("fits/values.json")).as_object().unwrap().keys() {
        let whole = std::fs::read(golden("fits").join(name)).unwrap();
        let end = whole.iter().rposition(|&byte| byte != 0).unwrap();
        for length in (0..end).step_by(97) {
            let why = read(&whole[..length]).unwrap_err();
            assert!(why.contains("cut off") || why.starts_with("holds no image"), "{name}: {why}");
        }
        // Most bytes are padding.
        for i in (0..end).filter(|&i| !matches!(whole[i], b' ' | 0)) {
            let mut changed = whole.clone();
            changed[i] ^= 1 << (i % 8);
            if let Ok(frame) = Frame::read(&changed, &settings) {
                assert_eq!(frame.raster().pixels.len(), frame.width * frame.height * 3);
                let _ = frame.pixel(10.0, 20.0);
            }
        }
    }
}

//! What of a FITS file becomes the photograph, and how its values become brightness. Each setting
//! reads the text that it is shown as, so that flags and metadata hold the same words.

use std::fmt;
use std::str::FromStr;

/// Which image of a FITS file is used, and how its values become pixels of 0 to 255.
#[derive(Debug, Clone, PartialEq)]
pub struct FitsSettings {
    /// The HDU; `None` is the first with an image.
    pub hdu: Option<Hdu>,
    /// Which values become black and white.
    pub interval: Interval,
    /// The curve from black to white.
    pub stretch: Stretch,
    /// The planes of a cube; `None` takes a single plane as grey, and three as red, green and blue.
    pub planes: Option<Planes>,
}

impl FitsSettings {
    /// astropy's defaults: the first image, from its least value to its greatest.
    pub const DEFAULT: Self =
        Self { hdu: None, interval: Interval::MinMax, stretch: Stretch::Linear, planes: None };
}

impl Default for FitsSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One header and data unit of a FITS file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hdu {
    /// By number; the primary HDU is 0.
    Number(usize),
    /// By its EXTNAME, in either case.
    Name(String),
}

/// Which values become black and white: astropy's intervals, over the finite values of each plane.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Interval {
    /// The least and the greatest: `MinMaxInterval`.
    #[default]
    MinMax,
    /// The given percentage of the values, as many left out below as above: `PercentileInterval`.
    Percentile(f64),
    /// IRAF's zscale: `ZScaleInterval` with its defaults.
    ZScale,
}

/// The curve from black to white: astropy's stretches.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Stretch {
    /// y = x.
    #[default]
    Linear,
    /// y = √x.
    Sqrt,
    /// y = ln(a·x + 1) / ln(a + 1).
    Log(f64),
    /// y = asinh(x / a) / asinh(1 / a).
    Asinh(f64),
    /// y = sinh(x / a) / sinh(1 / a).
    Sinh(f64),
    /// y = the fraction of the plane's values below x.
    HistEq,
}

/// One plane of a cube, or three for red, green and blue; the first is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planes(Vec<usize>);

/// The name and astropy's default `a` of each stretch that has one.
const LOG: (&str, f64) = ("log", 1000.0);
const ASINH: (&str, f64) = ("asinh", 0.1);
const SINH: (&str, f64) = ("sinh", 1.0 / 3.0);

impl Planes {
    /// One plane or three.
    ///
    /// # Errors
    /// A sentence, for another number of planes.
    pub fn new(planes: Vec<usize>) -> Result<Self, String> {
        match planes.len() {
            1 | 3 => Ok(Self(planes)),
            n => Err(format!("names {n} planes, not one or three, such as 2,1,0")),
        }
    }

    /// Their numbers.
    #[must_use]
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }
}

impl FromStr for Hdu {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("is empty; give an HDU's number or name".into()),
            text => Ok(match text.parse() {
                Ok(number) => Self::Number(number),
                Err(_) => Self::Name(text.into()),
            }),
        }
    }
}

impl fmt::Display for Hdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "minmax" => Ok(Self::MinMax),
            None if text == "zscale" => Ok(Self::ZScale),
            Some(("percentile", percentage)) => match percentage.parse() {
                Ok(p) if p > 0.0 && p <= 100.0 => Ok(Self::Percentile(p)),
                _ => Err(format!("{percentage:?} is not a percentage above 0, up to 100")),
            },
            _ => Err(format!(
                "{text:?} is not minmax, zscale or percentile:P, such as \
                              percentile:99.5"
            )),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinMax => f.write_str("minmax"),
            Self::Percentile(percentage) => write!(f, "percentile:{percentage}"),
            Self::ZScale => f.write_str("zscale"),
        }
    }
}

impl FromStr for Stretch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, a) = text.split_once(':').map_or((text, None), |(name, a)| (name, Some(a)));
        let of = |default: f64| match a.map_or(Ok(default), str::parse) {
            // Within these limits no formula overflows.
            Ok(a) if (0.002..=1e9).contains(&a) => Ok(a),
            _ => Err(format!("{:?} is not a number from 0.002 to 1e9", a.unwrap_or_default())),
        };
        match name {
            "linear" if a.is_none() => Ok(Self::Linear),
            "sqrt" if a.is_none() => Ok(Self::Sqrt),
            "histeq" if a.is_none() => Ok(Self::HistEq),
            _ if name == LOG.0 => of(LOG.1).map(Self::Log),
            _ if name == ASINH.0 => of(ASINH.1).map(Self::Asinh),
            _ if name == SINH.0 => of(SINH.1).map(Self::Sinh),
            _ => Err(format!(
                "{text:?} is not linear, sqrt, log, asinh, sinh or histeq; log, asinh and sinh \
                 may have astropy's a, such as asinh:0.05"
            )),
        }
    }
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut with = |(name, default): (&str, f64), a: f64| match a == default {
            true => f.write_str(name),
            false => write!(f, "{name}:{a}"),
        };
        match *self {
            Self::Linear => f.write_str("linear"),
            Self::Sqrt => f.write_str("sqrt"),
            Self::Log(a) => with(LOG, a),
            Self::Asinh(a) => with(ASINH, a),
            Self::Sinh(a) => with(SINH, a),
            Self::HistEq => f.write_str("histeq"),
        }
    }
}

impl FromStr for Planes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Result<_, _> = text.split(',').map(|plane| plane.trim().parse()).collect();
        Self::new(numbers.map_err(|_| {
            format!("{text:?} is not one plane or three, counted from 0, such as 2,1,0")
        })?)
    }
}

impl fmt::Display for Planes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
    }
}

//! astropy's stretches: the curve from black to white.

use super::interval::Limits;
use super::sample::{Sample, of_ranks};
use super::settings::Stretch;

/// White, as a level.
const WHITE: usize = 255;
/// Into how many parts black to white is cut, to find a value's level quickly.
const PARTS: usize = 1 << 16;

/// The brightness, 0 to 1, of each value of a plane; NaN stays.
pub(super) fn brightness<T: Sample>(plane: &[T], limits: Limits, stretch: Stretch) -> Vec<f32> {
    let brightness = Brightness::new(plane, limits, stretch);
    plane.iter().map(|value| brightness.of(value.wide()) as f32).collect()
}

/// The brightness of a plane's values.
pub(super) struct Brightness {
    limits: Limits,
    stretch: Stretch,
    /// For histogram equalisation.
    ranks: Option<Ranks>,
}

impl Brightness {
    fn new<T: Sample>(plane: &[T], limits: Limits, stretch: Stretch) -> Self {
        let ranks = (stretch == Stretch::HistEq).then(|| Ranks::new(plane, limits));
        Self { limits, stretch, ranks }
    }

    fn of(&self, value: f64) -> f64 {
        let unit = self.limits.unit(value);
        match &self.ranks {
            Some(ranks) => ranks.below(unit),
            None => curve(self.stretch, unit),
        }
    }
}

/// The stretches that do not depend on the other pixels, for 0 to 1.
fn curve(stretch: Stretch, x: f64) -> f64 {
    match stretch {
        Stretch::Linear | Stretch::HistEq => x,
        Stretch::Sqrt => x.sqrt(),
        Stretch::Log(a) => (a * x + 1.0).ln() / (a + 1.0).ln(),
        Stretch::Asinh(a) => (x / a).asinh() / (1.0 / a).asinh(),
        Stretch::Sinh(a) => (x / a).sinh() / (1.0 / a).sinh(),
    }
}

/// The values of a plane as 0 to 1, sorted, for histogram equalisation.
struct Ranks(Vec<f64>);

impl Ranks {
    fn new<T: Sample>(plane: &[T], limits: Limits) -> Self {
        let units = plane.iter().map(|value| limits.unit(value.wide()));
        let mut sorted: Vec<f64> = units.filter(|unit| !unit.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Self(sorted)
    }

    /// The fraction of the others that are not above one of the values.
    fn below(&self, unit: f64) -> f64 {
        match self.0.len() {
            _ if unit.is_nan() => f64::NAN,
            0 | 1 => 0.0,
            // All values are alike.
            _ if self.0.first() == self.0.last() => 0.0,
            n => (self.0.partition_point(|&other| other <= unit) - 1) as f64 / (n - 1) as f64,
        }
    }
}

/// The levels, 0 to 255, of a plane's values: `round(255 · brightness)`.
pub(super) enum Levels {
    /// For few pixels.
    Computed(Brightness),
    LookedUp(Table),
}

/// Up to this many pixels, a cut-out's, a table costs more than it saves.
const FEW_PIXELS: usize = 1 << 15;

impl Levels {
    pub(super) fn new<T: Sample>(plane: &[T], limits: Limits, stretch: Stretch) -> Self {
        match plane.len() <= FEW_PIXELS {
            true => Self::Computed(Brightness::new(plane, limits, stretch)),
            false => Self::LookedUp(Table::new(plane, limits, stretch)),
        }
    }

    /// The level of each value of a row; black for NaN.
    pub(super) fn draw<T: Sample>(&self, row: &[T], levels: &mut Vec<u8>) {
        levels.clear();
        match self {
            Self::Computed(brightness) => {
                let level = |value: &T| (WHITE as f64 * brightness.of(value.wide())).round() as u8;
                levels.extend(row.iter().map(level));
            }
            Self::LookedUp(table) => table.draw(row, levels),
        }
    }
}

/// The value from which each level begins, computed once, so that a pixel costs no more for a curve
/// than for a line.
pub(super) struct Table {
    limits: Limits,
    /// The value from which level i + 1 begins; then NaN, which no value reaches.
    begins: Vec<f64>,
    /// A level that no value of each part is below.
    of_part: Vec<u8>,
    parts_per_value: f64,
}

impl Table {
    fn new<T: Sample>(plane: &[T], limits: Limits, stretch: Stretch) -> Self {
        let mut begins = match stretch {
            Stretch::HistEq => equalised(plane, limits),
            _ => inverted(stretch, limits),
        };
        begins.push(f64::NAN);
        let parts_per_value = PARTS as f64 / limits.span();
        let least = |part: usize| limits.black + part as f64 / parts_per_value;
        let level = |value: f64| begins.partition_point(|&begin| begin <= value).min(WHITE) as u8;
        // One part earlier, so that rounding cannot lift a value's part above the value.
        let of_part = (0..=PARTS).map(|part| level(least(part.saturating_sub(1)))).collect();
        Self { limits, begins, of_part, parts_per_value }
    }

    fn draw<T: Sample>(&self, row: &[T], levels: &mut Vec<u8>) {
        const AT_ONCE: usize = 256;
        let mut parts = [0u32; AT_ONCE];
        for values in row.chunks(AT_ONCE) {
            for (value, part) in values.iter().zip(&mut parts) {
                let place = (value.wide() - self.limits.black) * self.parts_per_value;
                *part = place.clamp(0.0, PARTS as f64) as i32 as u32;
            }
            levels.extend(values.iter().zip(&parts).map(|(v, &part)| self.level(v.wide(), part)));
        }
    }

    /// The level of a value in a given part.
    fn level(&self, value: f64, part: u32) -> u8 {
        let mut level = usize::from(self.of_part[part as usize]);
        // The one step that is common, without a branch that cannot be foreseen.
        level += usize::from(self.begins[level] <= value);
        while self.begins[level] <= value {
            level += 1;
        }
        if value.is_nan() { 0 } else { level as u8 }
    }
}

/// The value from which each level above black begins, by bisection.
fn inverted(stretch: Stretch, limits: Limits) -> Vec<f64> {
    let begin = |level: usize| {
        let wanted = (level as f64 - 0.5) / WHITE as f64;
        let (mut below, mut above) = (0.0, 1.0);
        for _ in 0..f64::MANTISSA_DIGITS {
            let middle = f64::midpoint(below, above);
            if curve(stretch, middle) < wanted { below = middle } else { above = middle }
        }
        limits.black + above * limits.span()
    };
    (1..=WHITE).map(begin).collect()
}

/// The value from which each level above black begins, where levels are equally common.
fn equalised<T: Sample>(plane: &[T], limits: Limits) -> Vec<f64> {
    let counts = |value: T| !value.wide().is_nan();
    let last = plane.iter().filter(|&&value| counts(value)).count().saturating_sub(1);
    let rank = |level: usize| ((level as f64 - 0.5) / WHITE as f64 * last as f64).ceil() as usize;
    let ranks: Vec<usize> = [0].into_iter().chain((1..=WHITE).map(rank)).chain([last]).collect();
    let top = limits.black + limits.span();
    let begins: Vec<f64> = of_ranks(plane, counts, &ranks)
        .into_iter()
        .map(|value| value.wide().clamp(limits.black, top.max(limits.white)))
        .collect();
    match begins[..] {
        // Of values that are all alike, none is brighter.
        [least, .., greatest] if least == greatest => vec![f64::NAN; WHITE],
        [_, ref begins @ .., _] => begins.to_vec(),
        _ => vec![f64::NAN; WHITE],
    }
}

//! From right ascension and declination to a pixel, by a header's WCS. The `mapproj` crate of the
//! CDS projects; the linear part and the SIP distortion are here, because its SIP is not that of
//! the standard.

use super::header::Keywords;
use super::sip::Sip;
use mapproj::zenithal::{arc::Arc, sin::Sin, stg::Stg, tan::Tan, zea::Zea};
use mapproj::{CanonicalProjection, CenteredProjection, LonLat, Projection};
use std::f64::consts::PI;
use std::fmt;

/// The distortions that are not read, by a keyword of theirs.
const DISTORTIONS: [&str; 6] = ["CPDIS1", "CPDIS2", "CQDIS1", "CQDIS2", "D2IMDIS1", "PV1_5"];

/// A celestial WCS.
pub(super) struct Wcs {
    projection: Box<dyn Projection + Send + Sync>,
    /// From degrees along longitude and latitude to pixels.
    inverse: [[f64; 2]; 2],
    /// CRPIX, 1 being the first pixel.
    reference: [f64; 2],
    sip: Option<Sip>,
}

impl fmt::Debug for Wcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wcs({})", self.projection.short_name())
    }
}

impl Wcs {
    /// The WCS of a header.
    ///
    /// # Errors
    /// A sentence, without it or if it is of another kind.
    pub(super) fn of(keywords: &Keywords) -> Result<Self, String> {
        let kinds = [1, 2].map(|axis| keywords.text(&format!("CTYPE{axis}")).unwrap_or_default());
        let axis = |kind: &str| kinds.iter().position(|k| k.starts_with(kind));
        let (longitude, latitude) = match (axis("RA--"), axis("DEC-")) {
            (Some(longitude), Some(latitude)) => (longitude, latitude),
            _ if kinds == ["", ""] => return Err("has no WCS (CTYPE1, CTYPE2)".into()),
            _ => {
                return Err(format!(
                    "has a WCS of {} and {}, not of RA and DEC",
                    kinds[0], kinds[1]
                ));
            }
        };
        if let Some(distortion) = DISTORTIONS.iter().find(|d| keywords.has(d)) {
            return Err(format!("has a WCS with a distortion that is not read ({distortion})"));
        }
        let number =
            |keyword: &str, axis: usize| keywords.number(&format!("{keyword}{}", axis + 1));
        for axis in [0, 1] {
            let unit = keywords.text(&format!("CUNIT{}", axis + 1)).unwrap_or("deg");
            if !matches!(unit, "deg" | "") {
                return Err(format!("has a WCS in {unit}, not in deg"));
            }
        }
        let centre = [longitude, latitude].map(|axis| number("CRVAL", axis).unwrap_or(0.0));
        let projection = projection(keywords, kinds[longitude], centre, longitude)?;
        let matrix = matrix(keywords);
        let inverse = inverted([matrix[longitude], matrix[latitude]]);
        Ok(Self {
            projection,
            inverse: inverse.ok_or("has a WCS whose matrix (CD, PC, CDELT) has no inverse")?,
            reference: [0, 1].map(|axis| number("CRPIX", axis).unwrap_or(0.0)),
            sip: Sip::of(keywords)?,
        })
    }

    /// The pixel of a position in degrees, the centre of the first being (0, 0); `None` where the
    /// projection has none.
    pub(super) fn pixel(&self, ra: f64, dec: f64) -> Option<(f64, f64)> {
        if !ra.is_finite() || !(-90.0..=90.0).contains(&dec) {
            return None;
        }
        let ra = ra.rem_euclid(360.0);
        let position = LonLat::new(ra.to_radians(), dec.to_radians());
        let projected = self.projection.proj_lonlat(&position)?;
        let (x, y) = (projected.x().to_degrees(), projected.y().to_degrees());
        let [u, v] = self.inverse.map(|row| row[0] * x + row[1] * y);
        let [u, v] = match &self.sip {
            Some(sip) => sip.inverse([u, v])?,
            None => [u, v],
        };
        let pixel = (u + self.reference[0] - 1.0, v + self.reference[1] - 1.0);
        (pixel.0.is_finite() && pixel.1.is_finite()).then_some(pixel)
    }
}

/// The projection that CTYPE names, around CRVAL.
fn projection(
    keywords: &Keywords,
    kind: &str,
    [ra, dec]: [f64; 2],
    longitude: usize,
) -> Result<Box<dyn Projection + Send + Sync>, String> {
    let name = kind.get(5..8).unwrap_or_default();
    let parameter = |axis: usize, i: usize| keywords.number(&format!("PV{}_{i}", axis + 1));
    let is_given = |axis, i| parameter(axis, i).is_some_and(|value| value != 0.0);
    if [1, 2].iter().any(|&i| is_given(longitude, i) || is_given(1 - longitude, i)) {
        return Err(format!("has a WCS with parameters of {name} (PV) that are not read"));
    }
    if !(-90.0..=90.0).contains(&dec) {
        return Err(format!("has a WCS at declination {dec}"));
    }
    let pole = keywords.number("LONPOLE").or_else(|| parameter(longitude, 3));
    let pole = pole.unwrap_or(if dec >= 90.0 { 0.0 } else { 180.0 });
    let centre = LonLat::new(ra.rem_euclid(360.0).to_radians(), dec.to_radians());
    let angle = pole.to_radians() - PI;
    match name {
        "TAN" => Ok(centred(Tan::new(), &centre, angle)),
        "SIN" => Ok(centred(Sin::new(), &centre, angle)),
        "ARC" => Ok(centred(Arc::new(), &centre, angle)),
        "STG" => Ok(centred(Stg::new(), &centre, angle)),
        "ZEA" => Ok(centred(Zea::new(), &centre, angle)),
        _ => Err(format!("has a WCS of projection {kind}; TAN, SIN, ARC, STG and ZEA are read")),
    }
}

fn centred<T: CanonicalProjection + Send + Sync + 'static>(
    projection: T,
    centre: &LonLat,
    angle: f64,
) -> Box<dyn Projection + Send + Sync> {
    let mut projection = CenteredProjection::new(projection);
    projection.set_proj_center_from_lonlat_and_positional_angle(centre, angle);
    Box::new(projection)
}

/// From pixels to degrees along both axes: CD, or PC and CDELT, or CROTA2 and CDELT.
fn matrix(keywords: &Keywords) -> [[f64; 2]; 2] {
    let indices = [[(1, 1), (1, 2)], [(2, 1), (2, 2)]];
    let named = |name: &str| {
        indices.map(|row| row.map(|(i, j)| keywords.number(&format!("{name}{i}_{j}"))))
    };
    let (cd, pc) = (named("CD"), named("PC"));
    let is_given = |matrix: &[[Option<f64>; 2]; 2]| matrix.iter().flatten().any(Option::is_some);
    if is_given(&cd) {
        return cd.map(|row| row.map(|element| element.unwrap_or(0.0)));
    }
    let [across, along] = [1, 2].map(|i| keywords.number(&format!("CDELT{i}")).unwrap_or(1.0));
    if !is_given(&pc) {
        let (sin, cos) = keywords.number("CROTA2").unwrap_or(0.0).to_radians().sin_cos();
        return [[across * cos, -along * sin], [across * sin, along * cos]];
    }
    let element = |i: usize, j: usize| pc[i][j].unwrap_or(if i == j { 1.0 } else { 0.0 });
    let row = |i: usize, step: f64| [step * element(i, 0), step * element(i, 1)];
    [row(0, across), row(1, along)]
}

fn inverted([[a, b], [c, d]]: [[f64; 2]; 2]) -> Option<[[f64; 2]; 2]> {
    let determinant = a * d - b * c;
    let inverse = [[d, -b], [-c, a]].map(|row| row.map(|element| element / determinant));
    inverse.iter().flatten().all(|element| element.is_finite()).then_some(inverse)
}

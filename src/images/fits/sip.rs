//! The SIP distortion: polynomials that are added to the distance from the reference pixel (Shupe
//! and others 2005). Their inverse is found by Newton's method, because the inverse polynomials of
//! a header (AP, BP) are approximate.

use super::header::Keywords;

const MOST_ORDER: i64 = 9;
const MOST_STEPS: usize = 50;
/// In pixels.
const PRECISION: f64 = 1e-10;

#[derive(Debug, Clone)]
pub(super) struct Sip {
    along: [Polynomial; 2],
}

/// Its terms: the powers of u and v, and the coefficient.
#[derive(Debug, Clone)]
struct Polynomial(Vec<(i32, i32, f64)>);

impl Sip {
    /// The distortion of a header, if it has one.
    pub(super) fn of(keywords: &Keywords) -> Result<Option<Self>, String> {
        if !keywords.has("A_ORDER") && !keywords.has("B_ORDER") {
            return Ok(None);
        }
        let along = [Polynomial::of(keywords, "A")?, Polynomial::of(keywords, "B")?];
        Ok(Some(Self { along }))
    }

    /// The distance from the reference pixel whose distorted distance is given; `None` if the
    /// search ends nowhere, as it does far from the image.
    pub(super) fn inverse(&self, distorted: [f64; 2]) -> Option<[f64; 2]> {
        let [mut u, mut v] = distorted;
        for _ in 0..MOST_STEPS {
            let [a, b] = [0, 1].map(|i| self.along[i].at(u, v));
            let (off_u, off_v) = (u + a.value - distorted[0], v + b.value - distorted[1]);
            let determinant = (1.0 + a.by_u) * (1.0 + b.by_v) - a.by_v * b.by_u;
            let step_u = (off_u * (1.0 + b.by_v) - off_v * a.by_v) / determinant;
            let step_v = (off_v * (1.0 + a.by_u) - off_u * b.by_u) / determinant;
            (u, v) = (u - step_u, v - step_v);
            if !(u.is_finite() && v.is_finite()) {
                return None;
            }
            if step_u.abs().max(step_v.abs()) < PRECISION * (1.0 + u.abs().max(v.abs())) {
                return Some([u, v]);
            }
        }
        None
    }
}

/// A polynomial at one place, and its derivatives.
struct Local {
    value: f64,
    by_u: f64,
    by_v: f64,
}

impl Polynomial {
    fn of(keywords: &Keywords, name: &str) -> Result<Self, String> {
        let order = keywords.integer(&format!("{name}_ORDER")).unwrap_or(0);
        if !(0..=MOST_ORDER).contains(&order) {
            return Err(format!("has a WCS whose {name}_ORDER is not 0 to {MOST_ORDER}"));
        }
        let powers = (0..=order as i32).flat_map(|p| (0..=order as i32 - p).map(move |q| (p, q)));
        let term = |(p, q)| Some((p, q, keywords.number(&format!("{name}_{p}_{q}"))?));
        Ok(Self(powers.filter_map(term).collect()))
    }

    fn at(&self, u: f64, v: f64) -> Local {
        let zero = Local { value: 0.0, by_u: 0.0, by_v: 0.0 };
        self.0.iter().fold(zero, |sum, &(p, q, coefficient)| Local {
            value: sum.value + coefficient * u.powi(p) * v.powi(q),
            by_u: sum.by_u + coefficient * f64::from(p) * u.powi((p - 1).max(0)) * v.powi(q),
            by_v: sum.by_v + coefficient * f64::from(q) * u.powi(p) * v.powi((q - 1).max(0)),
        })
    }
}

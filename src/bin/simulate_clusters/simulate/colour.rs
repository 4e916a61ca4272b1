//! The colour of a star on a colour CCD, from its temperature and the dust in front of it.
//!
//! A star is a black body and each of the three filters lets through one wavelength:
//! n(λ, T) ∝ λ⁻⁴ / (exp(hc / λkT) − 1), photons rather than energy because a CCD counts photons.
//! The white balance makes a star of 6000 K white, as is usual for photographs of clusters.
//! Spectral lines, the Balmer jump and the width of the filters are left out: an error of a few per
//! cent between 4000 K and 12 000 K, and more for M stars.

/// Effective wavelengths of the red, green and blue filters, in metres.
pub(crate) const WAVELENGTHS: [f32; 3] = [620e-9, 540e-9, 455e-9];

/// The temperature, in kelvin, that the white balance makes white.
pub(crate) const WHITE: f32 = 6000.0;

/// hc/k in metre kelvin (CODATA 2018).
const HC_K: f32 = 1.438_776_9e-2;

/// A(λ)/A(V) at [`WAVELENGTHS`] and A(V)/E(B−V) for average dust (Cardelli, Clayton & Mathis 1989,
/// R = 3.1).
const EXTINCTION: [f32; 3] = [0.86, 1.02, 1.29];
const R_V: f32 = 3.1;

/// The red, green and blue signals of a black body of `kelvin`: green is 1, and at [`WHITE`] all
/// three are.
pub(crate) fn black_body(kelvin: f32) -> [f32; 3] {
    // λ⁻⁴ cancels in the ratio to the white star.
    let ratio = |wavelength: f32| {
        let x = HC_K / wavelength;
        (x / WHITE).exp_m1() / (x / kelvin.max(1000.0)).exp_m1()
    };
    let [r, g, b] = WAVELENGTHS.map(ratio);
    [r / g, 1.0, b / g]
}

/// The fraction of each colour that passes through dust of colour excess `ebv` (E(B−V), in
/// magnitudes), relative to green.
pub(crate) fn reddening(ebv: f32) -> [f32; 3] {
    EXTINCTION.map(|a| 10f32.powf(-0.4 * R_V * ebv * (a - EXTINCTION[1])))
}

/// The dimming in V, in magnitudes, by dust of colour excess `ebv`.
pub(crate) fn extinction(ebv: f32) -> f32 {
    R_V * ebv
}

/// The colour of a star of `kelvin` behind dust of colour excess `ebv`, with green = 1.
pub(crate) fn star(kelvin: f32, ebv: f32) -> [f32; 3] {
    let (body, dust) = (black_body(kelvin), reddening(ebv));
    std::array::from_fn(|c| body[c] * dust[c])
}

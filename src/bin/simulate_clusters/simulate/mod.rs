//! Simulates colour CCD photographs of globular and open star clusters, so that the tools can be
//! tried, tested and timed without real data. There can be any number of photographs; each is
//! different, and all are the same on every run.
//!
//! A photograph takes four steps: a scene of stars (`globular`, `open`, with the field stars of
//! `scene`), light on the detector (`frame`, with the images of stars from `psf`), electrons
//! counted (`sensor`), and a picture (`print`). `tables`, `colour` and `king` hold the astronomy,
//! with its sources.
//!
//! Not modelled: variable seeing and coma over the field, cosmic rays, satellites, bad pixels and
//! flat-field errors, galaxies, dark clouds, emission nebulae beyond a reddish tint, blue
//! stragglers and white dwarfs, stellar spectra.
//!
//! The tests compile these files as one of their own modules, so paths here start with `super` or
//! `retrain`, never with `crate`.

pub(crate) mod cluster;
pub(crate) mod colour;
mod dice;
mod exposure;
mod files;
mod fractal;
mod frame;
mod globular;
pub(crate) mod king;
mod nebula;
mod open;
mod print;
mod psf;
mod scene;
mod sensor;
mod star;
pub(crate) mod tables;
mod telescope;

pub(crate) use files::{Plan, TestPhotos, simulate_clusters};

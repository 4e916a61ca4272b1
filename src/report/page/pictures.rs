//! The photographs on the page: thumbnails within the file.

use super::figures::name;
use crate::images::Photograph;
use crate::report::{Material, Outcome};
use crate::text::shown;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::thumbnail;
use maud::{Markup, html};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The width and height of thumbnails, in pixels, if there are few and if there are many.
const SIDES: [u32; 2] = [160, 96];
/// Up to how many are few.
const FEW: usize = 400;
const JPEG_QUALITY: u8 = 70;
/// The most bytes of all of them in the page; larger ones are halved until they fit.
const MOST_BYTES: usize = 6_500_000;

/// The thumbnails.
#[derive(Debug)]
pub(super) struct Pictures<'a> {
    outcome: &'a Outcome,
    /// By photograph; a photograph that cannot be read any more has none.
    thumbnails: HashMap<usize, Thumbnail>,
}

#[derive(Debug)]
struct Thumbnail {
    width: u32,
    height: u32,
    url: String,
}

impl<'a> Pictures<'a> {
    /// Makes the thumbnails of these photographs, which may be named more than once.
    pub(super) fn of(material: &'a Material<'_>, photographs: impl Iterator<Item = usize>) -> Self {
        let outcome = material.outcome;
        let mut uses: BTreeMap<usize, usize> = BTreeMap::new();
        photographs.for_each(|photograph| *uses.entry(photograph).or_default() += 1);
        let photographs: Vec<&Photograph> =
            uses.keys().map(|&i| &outcome.photographs[i].photograph).collect();
        let side = SIDES[usize::from(photographs.len() > FEW)];
        let pictures = uses.keys().copied().zip(material.thumbnails.of(&photographs, side));
        let mut pictures: Vec<(usize, RgbImage)> =
            pictures.filter_map(|(i, picture)| Some((i, picture?))).collect();
        loop {
            let encoded = pictures.iter().filter_map(|(i, picture)| Some((*i, encoded(picture)?)));
            let thumbnails: HashMap<usize, Thumbnail> = encoded.collect();
            let bytes: usize = thumbnails.iter().map(|(i, t)| uses[i] * t.url.len()).sum();
            if bytes <= MOST_BYTES || side_of(&pictures) < 2 {
                return Self { outcome, thumbnails };
            }
            pictures.iter_mut().for_each(|(_, picture)| *picture = halved(picture));
        }
    }

    /// A list of photographs, each with its name and what `caption` says of it.
    pub(super) fn gallery<'p, P: 'p>(
        &self,
        photographs: impl IntoIterator<Item = &'p P>,
        which: impl Fn(&P) -> usize,
        caption: impl Fn(&P) -> Markup,
    ) -> Markup {
        html! {
            ul.gallery {
                @for photograph in photographs {
                    li { (self.figure(which(photograph), &caption(photograph))) }
                }
            }
        }
    }

    fn figure(&self, photograph: usize, caption: &Markup) -> Markup {
        let path = self.outcome.photographs[photograph].path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        html! {
            figure {
                @match self.thumbnails.get(&photograph) {
                    Some(Thumbnail { width, height, url }) => {
                        img src=(url) width=(width) height=(height) alt=(shown(Path::new(&*file)));
                    }
                    None => div.missing { "cannot be read any more" },
                }
                figcaption {
                    span.file title=(shown(path)) { (name(&file)) }
                    (caption)
                }
            }
        }
    }
}

fn encoded(picture: &RgbImage) -> Option<Thumbnail> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(picture).ok()?;
    let url = format!("data:image/jpeg;base64,{}", STANDARD.encode(&jpeg));
    Some(Thumbnail { width: picture.width(), height: picture.height(), url })
}

/// The longest side of all pictures.
fn side_of(pictures: &[(usize, RgbImage)]) -> u32 {
    pictures.iter().map(|(_, picture)| picture.width().max(picture.height())).max().unwrap_or(0)
}

fn halved(picture: &RgbImage) -> RgbImage {
    thumbnail(picture, picture.width().div_ceil(2), picture.height().div_ceil(2))
}

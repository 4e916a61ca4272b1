//! A picture to draw on: rectangles, other pictures and text in bitmap fonts.

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_7X13, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};
use embedded_graphics::{Drawable, text::TextStyle};
use image::imageops::{replace, rotate270};
use image::{Rgb, RgbImage};
use std::convert::Infallible;

pub(super) type Colour = [u8; 3];
pub(super) const WHITE: Colour = [255; 3];
pub(super) const BLACK: Colour = [0; 3];

/// The fonts, in pixels. They have the letters of Latin-1; others become question marks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Font {
    /// 7 × 13
    Small,
    /// 10 × 20
    Large,
}

/// How text is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    pub(super) font: Font,
    pub(super) colour: Colour,
}

impl Font {
    fn bitmaps(self) -> &'static MonoFont<'static> {
        match self {
            Self::Small => &FONT_7X13,
            Self::Large => &FONT_10X20,
        }
    }

    /// The width of a letter.
    pub(super) fn width(self) -> u32 {
        self.bitmaps().character_size.width
    }

    /// The height of a line.
    pub(super) fn height(self) -> u32 {
        self.bitmaps().character_size.height
    }

    /// The width of a text.
    pub(super) fn width_of(self, text: &str) -> u32 {
        text.chars().count() as u32 * self.width()
    }

    /// As much of the text as fits into `width` pixels.
    pub(super) fn fit(self, text: &str, width: u32) -> String {
        let most = (width / self.width()) as usize;
        if text.chars().count() <= most {
            return text.to_owned();
        }
        text.chars().take(most.saturating_sub(2)).chain("..".chars().take(most)).collect()
    }
}

/// A rectangle, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A picture to draw on. What lies outside of it is not drawn.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) picture: RgbImage,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self { picture: RgbImage::from_pixel(width, height, Rgb(WHITE)) }
    }

    pub(super) fn fill(&mut self, area: Area, colour: Colour) {
        for y in area.top..area.top + area.height {
            for x in area.left..area.left + area.width {
                self.point(x, y, colour);
            }
        }
    }

    /// Puts a picture in the middle of an area.
    pub(super) fn place(&mut self, area: Area, picture: &RgbImage) {
        let (width, height) = picture.dimensions();
        let left = area.left + area.width.saturating_sub(width) / 2;
        let top = area.top + area.height.saturating_sub(height) / 2;
        replace(&mut self.picture, picture, left.into(), top.into());
    }

    /// Text from a point to the right and below.
    pub(super) fn text(&mut self, left: u32, top: u32, text: &str, ink: Ink) {
        let style = TextStyleBuilder::new().baseline(Baseline::Top).build();
        self.draw(Point::new(left as i32, top as i32), text, ink, style);
    }

    /// Text in the middle of an area.
    pub(super) fn centred(&mut self, area: Area, text: &str, ink: Ink) {
        let style = TextStyleBuilder::new();
        let style = style.baseline(Baseline::Middle).alignment(Alignment::Center).build();
        let middle = [area.left + area.width / 2, area.top + area.height / 2];
        self.draw(Point::new(middle[0] as i32, middle[1] as i32), text, ink, style);
    }

    /// Text that reads upwards, from the middle of an area's lower edge.
    pub(super) fn upwards(&mut self, area: Area, text: &str, ink: Ink) {
        let mut line = Self::new(ink.font.width_of(text).max(1), ink.font.height());
        line.text(0, 0, text, ink);
        let line = rotate270(&line.picture);
        let height = line.height().min(area.height);
        self.place(Area { top: area.top + area.height - height, height, ..area }, &line);
    }

    fn draw(&mut self, at: Point, text: &str, ink: Ink, style: TextStyle) {
        let [r, g, b] = ink.colour;
        let letters = MonoTextStyle::new(ink.font.bitmaps(), Rgb888::new(r, g, b));
        let Ok(_) = Text::with_text_style(text, at, letters, style).draw(self);
    }

    fn point(&mut self, x: u32, y: u32, colour: Colour) {
        if let Some(pixel) = self.picture.get_pixel_mut_checked(x, y) {
            *pixel = Rgb(colour);
        }
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.picture.width(), self.picture.height())
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            if let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) {
                self.point(x, y, [colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }
}

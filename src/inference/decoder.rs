//! Decodes photographs, at their own size or to a network's input, with TensorFlow's ops where it
//! has them. Training, testing and labelling all use this decoder. The content decides the format,
//! not the name.

use crate::error::{Error, Result};
use crate::images::{DecodedBy, ImageFormat, PixelRange, PixelSpec, Raster, checked};
use crate::layers::{
    DecodedImage, ResizedAs, add_image_decoding, add_reduced_jpeg_decoding, add_resizing,
};
use crate::proto::GraphDef;
use crate::tf::{Bytes, Feed, Graph, GraphBuilder, Session, Tensor, Threads};
use std::sync::OnceLock;
use tensorflow::{Output, TensorType};

/// Up to this many pixels an image is converted to floats before it is resized. Measured as for
/// [`Distorter`](super::Distorter).
const SMALL: u64 = 1_700_000 / 3;

/// By how much the decoder of JPEGs can reduce width and height.
const RATIOS: [u8; 3] = [8, 4, 2];

/// Decodes photographs. Several threads may use it at once.
#[derive(Debug)]
pub struct Decoder {
    spec: PixelSpec,
    /// From files to pixels, by format, then by [`ResizedAs`].
    sessions: [[OnceLock<Result<Decoding, String>>; 2]; ImageFormat::ALL.len()],
    /// From decoded images to pixels, by [`ResizedAs`].
    resizing: [OnceLock<Result<Decoding, String>>; 2],
    /// Of JPEGs, by what they are reduced.
    reduced: [OnceLock<Result<Decoding, String>>; RATIOS.len()],
}

/// An image that another machine decodes, with the same ops.
#[derive(Debug)]
pub(super) enum Undecoded {
    /// Its file, in a form that TensorFlow can decode safely.
    File { format: ImageFormat, resized_as: ResizedAs, data: Vec<u8> },
    /// Its pixels, [1, height, width, depth], because TensorFlow has no op for its format.
    Pixels(Tensor<f32>),
}

#[derive(Debug)]
struct Decoding {
    session: Session,
    data: Output,
    decoded: Output,
    pixels: Output,
}

impl Decoding {
    fn new(op: &str, spec: &PixelSpec, resized_as: ResizedAs) -> Result<Self> {
        let mut builder = GraphBuilder::default();
        let names = add_image_decoding(&mut builder, op, spec, resized_as);
        Self::open(builder, names)
    }

    fn resizing(spec: &PixelSpec, resized_as: ResizedAs) -> Result<Self> {
        let mut builder = GraphBuilder::default();
        let names = add_resizing(&mut builder, spec, resized_as);
        Self::open(builder, names)
    }

    fn reduced(ratio: u8) -> Result<Self> {
        let mut builder = GraphBuilder::default();
        let [data, decoded] = add_reduced_jpeg_decoding(&mut builder, ratio.into());
        Self::open(builder, DecodedImage { data, pixels: decoded.clone(), decoded })
    }

    fn open(mut builder: GraphBuilder, names: DecodedImage) -> Result<Self> {
        let graph = Graph::import(&GraphDef { node: builder.take_nodes(), ..GraphDef::default() })?;
        // Each photograph is decoded on the calling thread.
        let session = Session::new(&graph, Threads { intra_op: 1, inter_op: -1 })?;
        let DecodedImage { data, decoded, pixels } = names;
        let [data, decoded, pixels] = [data, decoded, pixels].map(|name| graph.output(&name));
        Ok(Self { session, data: data?, decoded: decoded?, pixels: pixels? })
    }

    fn run<T: TensorType>(&self, image_data: Vec<u8>, fetch: &Output) -> Result<Tensor<T>> {
        let data = Tensor::new(&[]).with_values(&[Bytes(image_data)]);
        let data = data.map_err(|e| Error::tensorflow("making a tensor", e))?;
        self.feed(&data, fetch)
    }

    fn feed<F: TensorType, T: TensorType>(
        &self,
        value: &Tensor<F>,
        fetch: &Output,
    ) -> Result<Tensor<T>> {
        self.session.run_one(Feed { output: &self.data, value }, fetch, "decoding an image")
    }
}

impl Decoder {
    /// A decoder to the size and range of `spec`.
    #[must_use]
    pub fn new(spec: &PixelSpec) -> Self {
        Self {
            spec: spec.clone(),
            sessions: Default::default(),
            resizing: Default::default(),
            reduced: Default::default(),
        }
    }

    /// The pixels to feed to the network for an image, [1, height, width, depth].
    ///
    /// # Errors
    /// A sentence that says what is wrong with the image, without its name.
    pub fn decode(&self, image_data: Vec<u8>) -> Result<Tensor<f32>, String> {
        let (format, image_data, pixels) = inspect(image_data)?;
        let DecodedBy::Op(op) = format.decoded_by() else {
            return self.resized(&self.full_size(format, image_data)?);
        };
        let decoding = self.decoding(format, op, self.resized_as(pixels))?;
        decoding.run(image_data, &decoding.pixels).map_err(|e| undecodable(format, &e))
    }

    /// An image as another machine can decode it.
    ///
    /// # Errors
    /// As for [`decode`](Self::decode), as far as the file's header shows it.
    pub(super) fn undecoded(&self, image_data: Vec<u8>) -> Result<Undecoded, String> {
        let (format, data, pixels) = inspect(image_data)?;
        if let DecodedBy::Crate(_) = format.decoded_by() {
            return Ok(Undecoded::Pixels(self.resized(&self.full_size(format, data)?)?));
        }
        Ok(Undecoded::File { format, resized_as: self.resized_as(pixels), data })
    }

    /// What an image of so many pixels is resized as.
    fn resized_as(&self, pixels: Option<u64>) -> ResizedAs {
        let large = pixels.is_some_and(|p| p > SMALL);
        // With a range of 0 to 1, resizing bytes changes the rounding, so only huge images are.
        match large && (self.spec.range != PixelRange::Unit || pixels > Some(16 * SMALL)) {
            true => ResizedAs::Bytes,
            false => ResizedAs::Floats,
        }
    }

    /// The pixels to feed to the network for a decoded image.
    fn resized(&self, image: &Tensor<u8>) -> Result<Tensor<f32>, String> {
        let pixels = image.dims().iter().take(2).product();
        let resized_as = self.resized_as(Some(pixels));
        let resizing = self.resizing[resized_as as usize]
            .get_or_init(|| Decoding::resizing(&self.spec, resized_as).map_err(|e| e.to_string()));
        let resizing = resizing.as_ref().map_err(Clone::clone)?;
        resizing.feed(image, &resizing.pixels).map_err(|e| e.to_string())
    }

    /// The pixels of an image at its own size, [height, width, depth].
    ///
    /// # Errors
    /// A sentence that says what is wrong with the image, without its name.
    pub fn decode_full_size(&self, image_data: Vec<u8>) -> Result<Tensor<u8>, String> {
        let (format, image_data, _) = inspect(image_data)?;
        self.full_size(format, image_data)
    }

    /// The pixels of an image, [height, width, 3], for a small picture of it: a JPEG is reduced
    /// while it is decoded, which takes less time, but to no fewer than `least` pixels.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the image, without its name.
    pub fn decode_reduced(&self, image_data: Vec<u8>, least: u64) -> Result<Tensor<u8>, String> {
        let (format, image_data, pixels) = inspect(image_data)?;
        let pixels = pixels.filter(|_| format == ImageFormat::Jpeg).unwrap_or(0);
        let enough = |ratio: &u8| pixels / (u64::from(*ratio) * u64::from(*ratio)) >= least.max(1);
        let Some(which) = RATIOS.iter().position(enough) else {
            return self.full_size(format, image_data);
        };
        let decoding = self.reduced[which]
            .get_or_init(|| Decoding::reduced(RATIOS[which]).map_err(|e| e.to_string()));
        let decoding = decoding.as_ref().map_err(Clone::clone)?;
        decoding.run(image_data, &decoding.decoded).map_err(|e| undecodable(format, &e))
    }

    fn full_size(&self, format: ImageFormat, image_data: Vec<u8>) -> Result<Tensor<u8>, String> {
        match format.decoded_by() {
            DecodedBy::Crate(decode) => tensor(&decode(&image_data, &self.spec.reading)?),
            DecodedBy::Op(op) => {
                let decoding = self.decoding(format, op, ResizedAs::Floats)?;
                decoding.run(image_data, &decoding.decoded).map_err(|e| undecodable(format, &e))
            }
        }
    }

    /// The session for such images, opened on first use.
    fn decoding(
        &self,
        format: ImageFormat,
        op: &str,
        resized_as: ResizedAs,
    ) -> Result<&Decoding, String> {
        self.sessions[format as usize][resized_as as usize]
            .get_or_init(|| Decoding::new(op, &self.spec, resized_as).map_err(|e| e.to_string()))
            .as_ref()
            .map_err(Clone::clone)
    }
}

/// A decoded image as a tensor, [height, width, depth].
fn tensor(image: &Raster) -> Result<Tensor<u8>, String> {
    let dims = [image.height, image.width, image.depth].map(|n| n as u64);
    Tensor::new(&dims).with_values(&image.pixels).map_err(|e| e.to_string())
}

/// An image's format, its bytes in a form that TensorFlow can decode safely, and its number of
/// pixels.
fn inspect(image_data: Vec<u8>) -> Result<(ImageFormat, Vec<u8>, Option<u64>), String> {
    let format = ImageFormat::of(&image_data)?;
    let (image_data, pixels) = checked(format, image_data)?;
    Ok((format, image_data, pixels))
}

fn undecodable(format: ImageFormat, error: &Error) -> String {
    match error {
        Error::TensorFlow { message, .. } => {
            format!("cannot be decoded as {format} ({})", first_line(message))
        }
        other => other.to_string(),
    }
}

/// Drops the rest of TensorFlow's message, which describes the node and the graph.
fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or(message).trim()
}

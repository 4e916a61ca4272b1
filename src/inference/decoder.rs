//! Decodes photographs, at their own size or to a network's input, with TensorFlow's ops where it
//! has them. Training, testing and labelling all use this decoder. The content decides the format,
//! not the name.

use crate::error::{Error, Result};
use crate::images::{
    DecodedBy, ImageFormat, Orientation, PixelRange, PixelSpec, Raster, Size, checked, swaps_sides,
};
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
    File { format: ImageFormat, op: &'static str, resized_as: ResizedAs, data: Vec<u8> },
    /// Its pixels, [1, height, width, depth], because no op of TensorFlow's gives them.
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

/// An image file.
struct Image {
    format: ImageFormat,
    /// In a form that TensorFlow can decode safely.
    data: Vec<u8>,
    /// Width and height, if the header can be read.
    size: Option<Size>,
    /// How its pixels are turned.
    orientation: Orientation,
}

impl Image {
    fn is_upright(&self) -> bool {
        self.orientation == Orientation::NoTransforms
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
        match self.undecoded(image_data)? {
            Undecoded::Pixels(pixels) => Ok(pixels),
            Undecoded::File { format, op, resized_as, data } => {
                let decoding = self.decoding(format, op, resized_as)?;
                let pixels = decoding.run(data, &decoding.pixels);
                pixels.map_err(|e| undecodable(format, &e))
            }
        }
    }

    /// An image as another machine can decode it.
    ///
    /// # Errors
    /// As for [`decode`](Self::decode), as far as the file's header shows it.
    pub(super) fn undecoded(&self, image_data: Vec<u8>) -> Result<Undecoded, String> {
        let image = self.inspect(image_data)?;
        let reduction = self.reduction(&image, 1);
        match image.format.decoded_by() {
            DecodedBy::Op(op) if image.is_upright() && reduction.is_none() => {
                let pixels = image.size.map(|(width, height)| width * height);
                let resized_as = self.resized_as(pixels);
                Ok(Undecoded::File { format: image.format, op, resized_as, data: image.data })
            }
            _ => Ok(Undecoded::Pixels(self.resized(&self.turned(image, reduction)?)?)),
        }
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
        self.turned(self.inspect(image_data)?, None)
    }

    /// The pixels of an image, [height, width, depth], to be made smaller or seen in part: at its
    /// own size, or where large JPEGs are reduced, at no less than `times` the width and height of
    /// the network's input.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the image, without its name.
    pub fn decode_at_least(&self, image_data: Vec<u8>, times: u64) -> Result<Tensor<u8>, String> {
        let image = self.inspect(image_data)?;
        let reduction = self.reduction(&image, times);
        self.turned(image, reduction)
    }

    /// By which of `RATIOS` an image is reduced while it is decoded, to no less than `times` the
    /// width and height of the network's input.
    fn reduction(&self, image: &Image, times: u64) -> Option<usize> {
        let is_reduced = self.spec.reading.fast_decode && image.format == ImageFormat::Jpeg;
        let (width, height) = image.size.filter(|_| is_reduced)?;
        let (width, height) =
            if swaps_sides(image.orientation) { (height, width) } else { (width, height) };
        let enough = |side: u64, of: i32, ratio: &u8| {
            side / u64::from(*ratio) >= times * u64::from(of.unsigned_abs())
        };
        RATIOS.iter().position(|ratio| {
            enough(width, self.spec.width, ratio) && enough(height, self.spec.height, ratio)
        })
    }

    /// A decoded image, turned as its file says.
    fn turned(&self, image: Image, reduction: Option<usize>) -> Result<Tensor<u8>, String> {
        let orientation = image.orientation;
        let upright = image.is_upright();
        let pixels = match (image.format.decoded_by(), reduction) {
            (DecodedBy::Crate(decode), _) => {
                let decoded = decode(&image.data, &self.spec.reading)?;
                return tensor(&decoded.turned(orientation));
            }
            (DecodedBy::Op(_), Some(which)) => {
                let decoding = self.reduced[which]
                    .get_or_init(|| Decoding::reduced(RATIOS[which]).map_err(|e| e.to_string()));
                let decoding = decoding.as_ref().map_err(Clone::clone)?;
                decoding.run(image.data, &decoding.decoded)
            }
            (DecodedBy::Op(op), None) => {
                let decoding = self.decoding(image.format, op, ResizedAs::Floats)?;
                decoding.run(image.data, &decoding.decoded)
            }
        };
        let pixels = pixels.map_err(|e| undecodable(image.format, &e))?;
        match upright {
            true => Ok(pixels),
            false => tensor(&raster(&pixels)?.turned(orientation)),
        }
    }

    /// Reads what an image's file says of it.
    fn inspect(&self, image_data: Vec<u8>) -> Result<Image, String> {
        let format = ImageFormat::of(&image_data)?;
        let (data, size) = checked(format, image_data, &self.spec.reading)?;
        let orientation = match self.spec.reading.exif_orientation {
            true => format.orientation(&data),
            false => Orientation::NoTransforms,
        };
        Ok(Image { format, data, size, orientation })
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

/// The pixels of a decoded image, [height, width, depth].
pub(crate) fn raster(image: &Tensor<u8>) -> Result<Raster, String> {
    let [height, width, depth] = *image.dims() else {
        return Err("has no rows and columns".into());
    };
    let [height, width, depth] = [height, width, depth].map(|n| n as usize);
    Ok(Raster { height, width, depth, pixels: image.to_vec() })
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

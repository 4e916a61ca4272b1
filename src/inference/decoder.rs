//! From the bytes of a photograph's file to the pixels a network gets to see, by TensorFlow's ops.
//! The content says what format it is, not the name.

use crate::error::{Error, Result};
use crate::images::{ImageFormat, PixelRange, PixelSpec, checked};
use crate::layers::{DecodedImage, ResizedAs, add_image_decoding};

use crate::proto::GraphDef;
use crate::tf::{Bytes, Feed, Graph, GraphBuilder, Session, Tensor, Threads};
use std::sync::OnceLock;
use tensorflow::Output;

/// Up to how many pixels an image is made floats before it is resized; see
/// [`Distorter`](super::Distorter), where that was measured.
const SMALL: u64 = 1_700_000 / 3;

/// Decodes photographs. It may be called from several threads at once.
#[derive(Debug)]
pub struct Decoder {
    spec: PixelSpec,
    /// By format, and by whether the image is a large one.
    sessions: [[OnceLock<Result<Decoding, String>>; 2]; 4],
}

#[derive(Debug)]
struct Decoding {
    session: Session,
    data: Output,
    pixels: Output,
}

impl Decoding {
    fn new(format: ImageFormat, spec: &PixelSpec, resized_as: ResizedAs) -> Result<Self> {
        let mut builder = GraphBuilder::default();
        let DecodedImage { data, pixels } =
            add_image_decoding(&mut builder, format.decoder(), spec, resized_as);
        let graph = Graph::import(&GraphDef { node: builder.take_nodes(), ..GraphDef::default() })?;
        // Each photograph is the work of the thread that brings it.
        let session = Session::new(&graph, Threads { intra_op: 1, inter_op: -1 })?;
        Ok(Self { session, data: graph.output(&data)?, pixels: graph.output(&pixels)? })
    }
}

impl Decoder {
    /// A decoder to that size and range.
    #[must_use]
    pub fn new(spec: &PixelSpec) -> Self {
        Self { spec: spec.clone(), sessions: Default::default() }
    }

    /// The pixels of an image, [1, height, width, depth].
    ///
    /// # Errors
    /// A sentence that says what is wrong with the image, without its name.
    pub fn decode(&self, image_data: Vec<u8>) -> Result<Tensor<f32>, String> {
        let format = ImageFormat::of(&image_data)?;
        let (image_data, pixels) = checked(format, image_data)?;
        let large = pixels.is_some_and(|p| p > SMALL);
        // Where pixels become numbers of 0 to 1 first, the other order rounds otherwise: only what
        // is really large.
        let large = large && (self.spec.range != PixelRange::Unit || pixels > Some(16 * SMALL));
        let resized_as = if large { ResizedAs::Bytes } else { ResizedAs::Floats };
        let decoding = self.sessions[format as usize][usize::from(large)]
            .get_or_init(|| {
                Decoding::new(format, &self.spec, resized_as).map_err(|e| e.to_string())
            })
            .as_ref()
            .map_err(Clone::clone)?;
        let data = Tensor::new(&[]).with_values(&[Bytes(image_data)]).map_err(|e| e.to_string())?;
        let feed = Feed { output: &decoding.data, value: &data };
        let decoded = decoding.session.run_one(feed, &decoding.pixels, "decoding an image");
        decoded.map_err(|e| match e {
            Error::TensorFlow { message, .. } => {
                format!("cannot be decoded as {format} ({})", first_line(&message))
            }
            other => other.to_string(),
        })
    }
}

/// TensorFlow's messages go on with the node and the graph.
fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or(message).trim()
}

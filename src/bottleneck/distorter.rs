//! One photograph, distorted: TensorFlow's arithmetic, with random numbers of our own.

use crate::error::{Error, Result};
use crate::layers::{self, Distortions, add_distorter};
use crate::model::PixelSpec;
use crate::proto::GraphDef;
use crate::tf::{Bytes, Feed, Graph, GraphBuilder, Session, Tensor, Threads};
use rand::{Rng, RngExt};
use tensorflow::{Output, SessionRunArgs};

/// What chance decides about one image: the numbers that the script's random ops would give.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Of [0, 1).
    pub scale: f32,
    /// Of [0, 2³¹ − 1): row, column, channel of the crop, before they are reduced to the room there is.
    pub crop: [i32; 3],
    /// Of [0, 1).
    pub flip: f32,
    /// Of [0, 1).
    pub brightness: f32,
}

impl Draw {
    /// Draws all of them.
    pub fn new(rng: &mut impl Rng) -> Self {
        Self {
            scale: rng.random(),
            crop: std::array::from_fn(|_| rng.random_range(0..i32::MAX)),
            flip: rng.random(),
            brightness: rng.random(),
        }
    }
}

/// Decodes and distorts photographs. It may be called from several threads at once.
#[derive(Debug)]
pub struct Distorter {
    session: Session,
    data: Output,
    decoded: Output,
    scale: Output,
    crop: Output,
    flip: Option<Output>,
    brightness: Output,
    pixels: Output,
}

impl Distorter {
    /// Opens the session.
    pub fn new(distortions: &Distortions, spec: &PixelSpec) -> Result<Self> {
        let mut builder = GraphBuilder::default();
        let names: layers::Distorter = add_distorter(&mut builder, distortions, spec);
        let graph = Graph::import(&GraphDef { node: builder.take_nodes(), ..GraphDef::default() })?;
        Ok(Self {
            session: Session::new(&graph, Threads { intra_op: 1, inter_op: -1 })?,
            data: graph.output(&names.data)?,
            decoded: graph.output(&names.decoded)?,
            scale: graph.output(&names.scale)?,
            crop: graph.output(&names.crop)?,
            flip: names.flip.map(|f| graph.output(&f)).transpose()?,
            brightness: graph.output(&names.brightness)?,
            pixels: graph.output(&names.pixels)?,
        })
    }

    /// The pixels of a file, [height, width, depth].
    pub fn decode(&self, image_data: Vec<u8>) -> Result<Tensor<u8>> {
        let data = Tensor::new(&[]).with_values(&[Bytes(image_data)]).map_err(tensor_error)?;
        self.session.run_one(Feed { output: &self.data, value: &data }, &self.decoded, "decoding an image")
    }

    /// The pixels a network gets to see, [1, height, width, depth], of a decoded image.
    pub fn distort(&self, image: &Tensor<u8>, draw: &Draw) -> Result<Tensor<f32>> {
        const DOING: &str = "distorting an image";
        let scalar = |value: f32| Tensor::new(&[]).with_values(&[value]).map_err(tensor_error);
        let (scale, flip, brightness) = (scalar(draw.scale)?, scalar(draw.flip)?, scalar(draw.brightness)?);
        let crop = Tensor::new(&[3]).with_values(&draw.crop).map_err(tensor_error)?;
        let mut args = SessionRunArgs::new();
        args.add_feed(&self.decoded.operation, self.decoded.index, image);
        args.add_feed(&self.scale.operation, self.scale.index, &scale);
        args.add_feed(&self.crop.operation, self.crop.index, &crop);
        args.add_feed(&self.brightness.operation, self.brightness.index, &brightness);
        if let Some(output) = &self.flip {
            args.add_feed(&output.operation, output.index, &flip);
        }
        let pixels = args.request_fetch(&self.pixels.operation, self.pixels.index);
        self.session.run(&mut args, DOING)?;
        args.fetch(pixels).map_err(|e| Error::tensorflow(DOING, e))
    }
}

fn tensor_error(error: tensorflow::Status) -> Error {
    Error::tensorflow("making a tensor", error)
}

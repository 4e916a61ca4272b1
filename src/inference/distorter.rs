//! One photograph, distorted: TensorFlow's arithmetic, with random numbers of our own.

use crate::error::{Error, Result};
use crate::images::PixelSpec;
use crate::layers::{self, Distortions, ResizedAs, add_distorter};
use crate::proto::GraphDef;
use crate::tf::{Graph, GraphBuilder, Session, Tensor, Threads};
use rand::{Rng, RngExt};
use tensorflow::{Output, SessionRunArgs};

/// What chance decides about one image: the numbers that the script's random ops would give.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Of [0, 1).
    pub scale: f32,
    /// Of [0, 2³¹ − 1): row, column, channel of the crop, before they are reduced to the room
    /// there is.
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

/// Distorts decoded photographs. It may be called from several threads at once.
#[derive(Debug)]
pub struct Distorter {
    session: Session,
    small: Ends,
    large: Ends,
}

/// Up to how many bytes a decoded photograph is made floats before it is resized: measured on one
/// core, that takes 0.11 ms a million bytes and then makes resizing faster by 0.19 ms.
const SMALL: usize = 1_700_000;

/// The tensors of one form of the distortions.
#[derive(Debug)]
struct Ends {
    decoded: Output,
    scale: Output,
    crop: Output,
    flip: Option<Output>,
    brightness: Output,
    pixels: Output,
}

impl Ends {
    fn find(graph: &Graph, names: layers::Distorter) -> Result<Self> {
        Ok(Self {
            decoded: graph.output(&names.decoded)?,
            scale: graph.output(&names.scale)?,
            crop: graph.output(&names.crop)?,
            flip: names.flip.map(|f| graph.output(&f)).transpose()?,
            brightness: graph.output(&names.brightness)?,
            pixels: graph.output(&names.pixels)?,
        })
    }
}

impl Distorter {
    /// Opens the session.
    pub fn new(distortions: &Distortions, spec: &PixelSpec) -> Result<Self> {
        let mut b = GraphBuilder::default();
        let forms = [ResizedAs::Floats, ResizedAs::Bytes];
        let [small, large] =
            forms.map(|resized_as| add_distorter(&mut b, distortions, spec, resized_as));
        let graph = Graph::import(&GraphDef { node: b.take_nodes(), ..GraphDef::default() })?;
        Ok(Self {
            session: Session::new(&graph, Threads { intra_op: 1, inter_op: -1 })?,
            small: Ends::find(&graph, small)?,
            large: Ends::find(&graph, large)?,
        })
    }

    /// The pixels a network gets to see, [1, height, width, depth], of a decoded image.
    pub fn distort(&self, image: &Tensor<u8>, draw: &Draw) -> Result<Tensor<f32>> {
        const DOING: &str = "distorting an image";
        let ends = if image.len() <= SMALL { &self.small } else { &self.large };
        let scalar = |value: f32| Tensor::new(&[]).with_values(&[value]).map_err(tensor_error);
        let (scale, flip, brightness) =
            (scalar(draw.scale)?, scalar(draw.flip)?, scalar(draw.brightness)?);
        let crop = Tensor::new(&[3]).with_values(&draw.crop).map_err(tensor_error)?;
        let mut args = SessionRunArgs::new();
        args.add_feed(&ends.decoded.operation, ends.decoded.index, image);
        args.add_feed(&ends.scale.operation, ends.scale.index, &scale);
        args.add_feed(&ends.crop.operation, ends.crop.index, &crop);
        args.add_feed(&ends.brightness.operation, ends.brightness.index, &brightness);
        if let Some(output) = &ends.flip {
            args.add_feed(&output.operation, output.index, &flip);
        }
        let pixels = args.request_fetch(&ends.pixels.operation, ends.pixels.index);
        self.session.run(&mut args, DOING)?;
        args.fetch(pixels).map_err(|e| Error::tensorflow(DOING, e))
    }
}

fn tensor_error(error: tensorflow::Status) -> Error {
    Error::tensorflow("making a tensor", error)
}

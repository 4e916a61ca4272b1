//! Distorts one photograph with TensorFlow's arithmetic and our own random numbers.

use crate::error::{Error, Result};
use crate::images::PixelSpec;
use crate::layers::{self, Distortions, ResizedAs, add_distorter};
use crate::proto::GraphDef;
use crate::tf::{Graph, GraphBuilder, Session, Tensor, Threads};
use rand::{Rng, RngExt};
use tensorflow::{Output, SessionRunArgs};

/// The random numbers for one image, as the script's random ops would draw them.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// In [0, 1).
    pub scale: f32,
    /// In [0, 2³¹ − 1). Modulo the room for the crop, they are its row, column and channel.
    pub crop: [i32; 3],
    /// In [0, 1).
    pub flip: f32,
    /// In [0, 1).
    pub brightness: f32,
    /// In [0, 1).
    pub flip_up_down: f32,
    /// In [0, 1).
    pub quarter_turn: f32,
    /// In [0, 1).
    pub rotation: f32,
}

impl Draw {
    /// Draws the numbers for `distortions`. The scripts' distortions always take as many from the
    /// stream, ours only if they are on, so that a seed still repeats the runs of versions without
    /// them.
    pub fn new(distortions: &Distortions, rng: &mut impl Rng) -> Self {
        let mut draw = Self {
            scale: rng.random(),
            crop: std::array::from_fn(|_| rng.random_range(0..i32::MAX)),
            flip: rng.random(),
            brightness: rng.random(),
            flip_up_down: 0.0,
            quarter_turn: 0.0,
            rotation: 0.0,
        };
        if distortions.flip_up_down {
            draw.flip_up_down = rng.random();
        }
        if distortions.rotate_right_angles {
            draw.quarter_turn = rng.random();
        }
        if distortions.rotate_degrees > 0 {
            draw.rotation = rng.random();
        }
        draw
    }
}

/// Distorts decoded photographs. Several threads may use it at once.
#[derive(Debug)]
pub struct Distorter {
    session: Session,
    small: Endpoints,
    large: Endpoints,
}

/// Up to this many bytes a decoded photograph is converted to floats before it is resized. On one
/// core, converting takes 0.11 ms per million bytes, and resizing is then 0.19 ms faster.
const SMALL: usize = 1_700_000;

/// One of the numbers.
type OfDraw = fn(&Draw) -> f32;

/// The tensors to feed and fetch in one form of the distortions.
#[derive(Debug)]
struct Endpoints {
    decoded: Output,
    scale: Output,
    crop: Output,
    brightness: Output,
    /// Those of distortions that may be switched off, each with the number it is fed.
    optional: Vec<(Output, OfDraw)>,
    pixels: Output,
}

impl Endpoints {
    fn find(graph: &Graph, names: layers::Distorter) -> Result<Self> {
        let optional: [(Option<String>, OfDraw); 4] = [
            (names.flip, |draw| draw.flip),
            (names.flip_up_down, |draw| draw.flip_up_down),
            (names.quarter_turn, |draw| draw.quarter_turn),
            (names.rotation, |draw| draw.rotation),
        ];
        let optional = optional.into_iter().filter_map(|(name, of)| Some((name?, of)));
        Ok(Self {
            decoded: graph.output(&names.decoded)?,
            scale: graph.output(&names.scale)?,
            crop: graph.output(&names.crop)?,
            optional: optional
                .map(|(name, of)| Ok((graph.output(&name)?, of)))
                .collect::<Result<_>>()?,
            brightness: graph.output(&names.brightness)?,
            pixels: graph.output(&names.pixels)?,
        })
    }
}

impl Distorter {
    /// Builds the graph with both forms and opens a session.
    pub fn new(distortions: &Distortions, spec: &PixelSpec) -> Result<Self> {
        let mut b = GraphBuilder::default();
        let forms = [ResizedAs::Floats, ResizedAs::Bytes];
        let [small, large] =
            forms.map(|resized_as| add_distorter(&mut b, distortions, spec, resized_as));
        let graph = Graph::import(&GraphDef { node: b.take_nodes(), ..GraphDef::default() })?;
        Ok(Self {
            session: Session::new(&graph, Threads { intra_op: 1, inter_op: -1 })?,
            small: Endpoints::find(&graph, small)?,
            large: Endpoints::find(&graph, large)?,
        })
    }

    /// The pixels to feed to the network, [1, height, width, depth], for a decoded image.
    pub fn distort(&self, image: &Tensor<u8>, draw: &Draw) -> Result<Tensor<f32>> {
        const DOING: &str = "distorting an image";
        let endpoints = if image.len() <= SMALL { &self.small } else { &self.large };
        let scalar = |value: f32| Tensor::new(&[]).with_values(&[value]).map_err(tensor_error);
        let (scale, brightness) = (scalar(draw.scale)?, scalar(draw.brightness)?);
        let numbers = endpoints.optional.iter().map(|(output, of)| Ok((output, scalar(of(draw))?)));
        let optional: Vec<_> = numbers.collect::<Result<_>>()?;
        let crop = Tensor::new(&[3]).with_values(&draw.crop).map_err(tensor_error)?;
        let mut args = SessionRunArgs::new();
        args.add_feed(&endpoints.decoded.operation, endpoints.decoded.index, image);
        args.add_feed(&endpoints.scale.operation, endpoints.scale.index, &scale);
        args.add_feed(&endpoints.crop.operation, endpoints.crop.index, &crop);
        args.add_feed(&endpoints.brightness.operation, endpoints.brightness.index, &brightness);
        for (output, number) in &optional {
            args.add_feed(&output.operation, output.index, number);
        }
        let pixels = args.request_fetch(&endpoints.pixels.operation, endpoints.pixels.index);
        self.session.run(&mut args, DOING)?;
        args.fetch(pixels).map_err(|e| Error::tensorflow(DOING, e))
    }
}

fn tensor_error(error: tensorflow::Status) -> Error {
    Error::tensorflow("making a tensor", error)
}

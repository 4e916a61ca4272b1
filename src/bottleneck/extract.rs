//! From a photograph's bytes to its bottleneck.

use crate::error::Result;
use crate::layers::{DecodedImage, add_jpeg_decoding};
use crate::model::Backbone;
use crate::proto::GraphDef;
use crate::tf::{Bytes, Feed, Graph, GraphBuilder, Session, Tensor, Threads};
use tensorflow::Output;

/// Whatever computes bottlenecks. It may be called from several threads at once.
pub trait Extractor: Sync {
    /// How many numbers a bottleneck has.
    fn bottleneck_size(&self) -> usize;

    /// The bottleneck of the photograph whose file holds `image_data`.
    fn extract(&self, image_data: &[u8]) -> Result<Vec<f32>>;
}

/// Computes bottlenecks in this process, in two sessions: decoding, and the network as it was published.
#[derive(Debug)]
pub struct LocalExtractor {
    decoder: Session,
    data: Output,
    pixels: Output,
    network: Session,
    input: Output,
    bottleneck: Output,
    size: usize,
}

/// Each photograph is the work of the thread that brings it: that scales better than threads within its small ops.
const THREADS: Threads = Threads { intra_op: 1, inter_op: -1 };

impl LocalExtractor {
    /// Loads the network.
    pub fn new(backbone: &Backbone) -> Result<Self> {
        let mut builder = GraphBuilder::default();
        let DecodedImage { data, pixels } = add_jpeg_decoding(&mut builder, &backbone.pixels);
        let decoding = Graph::import(&GraphDef { node: builder.take_nodes(), ..GraphDef::default() })?;
        let network = Graph::import(&backbone.frozen()?)?;
        Ok(Self {
            decoder: Session::new(&decoding, THREADS)?,
            data: decoding.output(&data)?,
            pixels: decoding.output(&pixels)?,
            network: Session::new(&network, THREADS)?,
            input: network.output(&backbone.input)?,
            bottleneck: network.output(&backbone.bottleneck)?,
            size: backbone.bottleneck_size,
        })
    }
}

impl Extractor for LocalExtractor {
    fn bottleneck_size(&self) -> usize {
        self.size
    }

    /// The script's `run_bottleneck_on_image`.
    fn extract(&self, image_data: &[u8]) -> Result<Vec<f32>> {
        let data = Tensor::new(&[]).with_values(&[Bytes(image_data.to_vec())]);
        let data = data.map_err(|e| crate::error::Error::tensorflow("making a tensor", e))?;
        let feed = Feed { output: &self.data, value: &data };
        let pixels: Tensor<f32> = self.decoder.run_one(feed, &self.pixels, "decoding an image")?;
        let feed = Feed { output: &self.input, value: &pixels };
        let values: Tensor<f32> = self.network.run_one(feed, &self.bottleneck, "computing a bottleneck")?;
        Ok(values.to_vec())
    }
}

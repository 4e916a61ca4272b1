//! The pretrained network while it is not needed: training reads bottlenecks alone, so the graph and
//! its variables wait in a file without a name until the result is written.

use crate::error::{Error, Result};
use crate::proto::{self, GraphDef};
use crate::tf::NamedTensor;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A graph and the values of its variables, outside of memory where that is possible.
#[derive(Debug)]
pub(super) enum Parked {
    /// Both one after the other; the graph's bytes come first.
    File { file: File, graph_bytes: u64 },
    /// There is no room for a temporary file.
    Memory(GraphDef, Vec<NamedTensor>),
}

impl Parked {
    pub(super) fn new(graph: GraphDef, variables: Vec<NamedTensor>) -> Result<Self> {
        let graph_bytes = proto::serialize(&graph)?;
        let values = proto::serialize(&proto::constants(&variables))?;
        let write = || -> std::io::Result<File> {
            let mut file = tempfile::tempfile()?;
            file.write_all(&graph_bytes)?;
            file.write_all(&values)?;
            Ok(file)
        };
        Ok(match write() {
            Ok(file) => Self::File { file, graph_bytes: graph_bytes.len() as u64 },
            Err(_) => Self::Memory(graph, variables),
        })
    }

    /// The graph and the values of its variables.
    pub(super) fn load(&self) -> Result<(GraphDef, Vec<NamedTensor>)> {
        let (mut file, graph_bytes) = match self {
            Self::File { file, graph_bytes } => (file, *graph_bytes),
            Self::Memory(graph, variables) => return Ok((graph.clone(), variables.clone())),
        };
        let place = Path::new("the pretrained network's temporary file");
        let (mut graph, mut values) = (Vec::new(), Vec::new());
        let mut read = || {
            file.seek(SeekFrom::Start(0))?;
            file.take(graph_bytes).read_to_end(&mut graph)?;
            file.read_to_end(&mut values)
        };
        read().map_err(Error::io("reading", place))?;
        let values: GraphDef = proto::parse(place, &values)?;
        Ok((proto::parse(place, &graph)?, proto::constant_values(values)?))
    }
}

//! The pretrained network while training does not need it. Training reads only bottlenecks, so the
//! graph and its variables move to an unnamed temporary file until the result is written.

use crate::error::{Error, Result};
use crate::proto::{self, GraphDef};
use crate::tf::NamedTensor;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A graph and the values of its variables, on disk if possible.
#[derive(Debug)]
pub(super) enum Parked {
    /// The graph's bytes, then the variables'.
    File { file: File, graph_bytes: u64 },
    /// The fallback if no temporary file can be written.
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

    /// Reads the graph and the values of its variables.
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

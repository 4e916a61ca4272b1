//! TensorFlow, independent of retraining: finding and loading libtensorflow, GraphDefs with exact
//! node names, graphs, sessions and tensors. The only module with `unsafe`.

mod builder;
mod bytes;
mod checkpoint;
mod graph;
mod installed;
mod library;
mod machine;
#[cfg(windows)]
mod python;
mod server;
mod session;
mod site;
#[cfg(windows)]
mod stub;
#[allow(dead_code, reason = "the build script uses the rest")]
mod wheels;

pub use builder::{GraphBuilder, Op};
pub use bytes::Bytes;
pub use checkpoint::{NamedTensor, add_restore, add_save, read_checkpoint, write_checkpoint};
pub use graph::Graph;
pub use library::{LibrarySearch, find_library, load, version};
pub use machine::Machine;
pub use server::Server;
pub use session::{Feed, Optimizer, Session, Threads, fetch, request};
pub use tensorflow::Tensor;

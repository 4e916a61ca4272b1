//! A bottleneck is a vector for each image: what has more dimensions is made one.

use crate::proto::{DataType, GraphDef};
use crate::tf::GraphBuilder;

/// Adds a Reshape of `tensor` to [?, size], and returns its name.
pub(super) fn add_flattening(graph: &mut GraphDef, tensor: &str, size: usize) -> String {
    let mut b = GraphBuilder::on(graph);
    let flattened = b.name_scope_named("flattened_bottleneck", |b, scope| {
        let shape = b.ints("shape", &[-1, size as i32]);
        let reshape = b.op_named("Reshape", scope.into()).inputs([tensor, &shape]).float_type();
        reshape.type_attr("Tshape", DataType::DT_INT32).finish()
    });
    graph.node.extend(b.take_nodes());
    flattened
}

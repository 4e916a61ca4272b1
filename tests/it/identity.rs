//! A cache's identity: bytes that must not change, or every cache would be recomputed. The sums
//! come from Python's hashlib, over the bytes described in `src/model/identity.rs`.

use retrain::images::{PixelRange, PixelSpec};
use retrain::model::{Backbone, Identity};
use retrain::proto::GraphDef;

fn backbone(
    input: &str,
    bottleneck: &str,
    [width, height]: [i32; 2],
    range: PixelRange,
) -> Backbone {
    Backbone {
        name: "name".into(),
        wants_quantization: false,
        content_hash: std::array::from_fn(|i| i as u8),
        graph_def: GraphDef::default(),
        variables: Vec::new(),
        input: input.into(),
        bottleneck: bottleneck.into(),
        bottleneck_size: 1001,
        pixels: PixelSpec::new(width, height, range),
        views: None,
    }
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn both_versions_are_these_bytes() {
    let range = PixelRange::Multiply { mean: 127.5, std: 128.0 };
    let frozen = backbone("input:0", "MobilenetV1/Predictions/Reshape", [224, 192], range);
    let module = backbone("Placeholder", "module_apply_default/out", [8, 9], PixelRange::Unit);
    for (backbone, current, earlier) in [
        (
            frozen,
            "a1c2a04a5021198a64663cd06f9b2dd08c4f83cea8f3d0caa51c9786220b7ee0",
            "bd6be3eee8689981a5be9614b7e98f65babef248fe4fc3a3f8c5c62b400995e7",
        ),
        (
            module,
            "3e742c13f7aa8090504fd19b3b145f42db153cf0eb874c08b836f98e15f2e1bf",
            "9e5b0d1d90dabcb9d915bf24611b48ec24ea58fd515e9f6f20f9dd221684db41",
        ),
    ] {
        let identity = Identity::of(&backbone);
        assert_eq!(
            (hex(identity.current).as_str(), hex(identity.earlier).as_str()),
            (current, earlier)
        );
    }
}

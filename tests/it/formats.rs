//! Each kind of image file against Pillow, and files that are damaged or hostile.

use super::loading::load_tensorflow;
use super::support::{Workspace, ask_peer, python};
use retrain::images::{PixelRange, PixelSpec};
use retrain::inference::Decoder;
use serde_json::json;
use std::fs;

fn decoded(content: Vec<u8>) -> Result<(Vec<u64>, Vec<u8>), String> {
    load_tensorflow();
    let spec = PixelSpec::new(8, 8, PixelRange::Unit);
    let pixels = Decoder::new(&spec).decode_full_size(content)?;
    Ok((pixels.dims().to_vec(), pixels.to_vec()))
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn every_kind_of_file_has_the_pixels_that_pillow_sees() {
    let Some(python) = python("RETRAIN_PEER_TF2") else { return };
    let workspace = Workspace::new();
    let answer = ask_peer(&python, "formats.py", &json!({ "dir": workspace.root() }));
    let files = answer.as_object().unwrap();
    let mut faults = Vec::new();
    for (name, wanted) in files {
        let content = fs::read(workspace.path(name)).unwrap();
        let (dims, pixels) = match decoded(content) {
            Ok(decoded) => decoded,
            Err(message) => {
                faults.push(format!("{name}: {message}"));
                continue;
            }
        };
        assert_eq!(
            dims,
            [wanted["height"].as_u64().unwrap(), wanted["width"].as_u64().unwrap(), 3]
        );
        let theirs = hex(wanted["pixels"].as_str().unwrap());
        let off = pixels.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        if u64::from(off) > wanted["tolerance"].as_u64().unwrap() || pixels.len() != theirs.len() {
            faults.push(format!("{name}: off by {off}"));
        }
    }
    assert!(faults.is_empty(), "{}\n", faults.join("\n"));
    assert_eq!(files.len(), 97);
}

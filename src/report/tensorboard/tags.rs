//! The values that TensorBoard's plugins read: a tensor under a tag, and metadata that name the
//! plugin.

use crate::error::{Error, Result};
use crate::proto::{
    DataType, SummaryMetadata, TensorProto, float_tensor, shape, summary::Value, summary_metadata,
};
use image::RgbImage;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use std::io;
use std::path::Path;

/// What a plugin shows under a tag.
#[derive(Debug, Default)]
pub(super) struct Tag {
    pub(super) tag: String,
    pub(super) plugin: &'static str,
    /// A serialized message of the plugin's own.
    pub(super) content: Vec<u8>,
    /// The heading; the tag if empty.
    pub(super) display_name: String,
    /// Markdown below the heading.
    pub(super) description: String,
}

impl Tag {
    pub(super) fn new(plugin: &'static str, tag: impl Into<String>) -> Self {
        Self { plugin, tag: tag.into(), ..Self::default() }
    }

    pub(super) fn value(self, tensor: TensorProto) -> Value {
        let plugin_data = summary_metadata::PluginData {
            plugin_name: self.plugin.into(),
            content: self.content,
            ..Default::default()
        };
        let metadata = SummaryMetadata {
            plugin_data: Some(plugin_data).into(),
            display_name: self.display_name,
            summary_description: self.description,
            ..SummaryMetadata::default()
        };
        Value {
            tag: self.tag,
            tensor: Some(tensor).into(),
            metadata: Some(metadata).into(),
            ..Value::default()
        }
    }
}

/// A point of a curve.
pub(super) fn scalar(tag: &str, value: f64) -> Value {
    Tag::new("scalars", tag).value(float_tensor(&[], &[value as f32]))
}

/// A text in Markdown.
pub(super) fn text(tag: &str, markdown: String) -> Value {
    Tag::new("text", tag).value(strings(&[], vec![markdown.into_bytes()]))
}

/// A picture.
pub(super) fn image(tag: Tag, picture: &RgbImage) -> Result<Value> {
    let (width, height) = picture.dimensions();
    let png = png(picture).map_err(Error::io("making", Path::new(&tag.tag)))?;
    let parts = [width.to_string().into_bytes(), height.to_string().into_bytes(), png];
    Ok(tag.value(strings(&[3], parts.into())))
}

fn strings(dims: &[i64], values: Vec<Vec<u8>>) -> TensorProto {
    TensorProto {
        dtype: DataType::DT_STRING.into(),
        tensor_shape: Some(shape(dims)).into(),
        string_val: values,
        ..TensorProto::default()
    }
}

/// A picture as PNG.
pub(super) fn png(picture: &RgbImage) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    picture.write_with_encoder(encoder).map_err(io::Error::other)?;
    Ok(bytes)
}

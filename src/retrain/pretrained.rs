//! Loads the pretrained network.

use super::config::{Config, Pretrained};
use crate::error::Result;
use crate::model::{self, Backbone};

/// Loads the pretrained network that the settings name.
pub(super) fn load_pretrained(config: &Config) -> Result<Backbone> {
    let backbone = match &config.pretrained {
        Pretrained::Architecture(info) => model::create_model_graph(info, &config.model_dir),
        Pretrained::OwnGraph(own) => model::create_own_graph(own, &config.model_dir),
        Pretrained::HubModule(handle) => model::create_module_graph(handle, &config.model_dir),
    };
    let backbone = backbone?.with_reading(&config.reading);
    if let Some(distortions) = &config.training.distortions {
        distortions.check_pixels(&backbone.pixels)?;
    }
    backbone.with_symmetry(config.symmetry)
}

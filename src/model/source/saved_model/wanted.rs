//! What to freeze of a SavedModel, and what its kind says about pixels.

/// What pixels a network takes by convention, if its graph does not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model::source) enum Convention {
    /// As most networks: −1 to 1.
    Usual,
    /// As TF-Hub's modules, which have no signature: 0 to 1.
    Hub,
    /// Whole numbers: 0 to 255.
    Bytes,
}

/// What to freeze of a SavedModel.
#[derive(Debug, Clone, Copy)]
pub(in crate::model::source) struct Wanted<'a> {
    pub(in crate::model::source) signature: Option<&'a str>,
    /// The input among several.
    pub(in crate::model::source) input: Option<&'a str>,
    /// The output among several.
    pub(in crate::model::source) output: Option<&'a str>,
}

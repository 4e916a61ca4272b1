//! Which files of a directory are taken, and in which order.

use crate::images::ImageFormat;
use std::ffi::OsStr;

/// Which directories are classes, and which files their images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// poets: the directories directly under image_dir.
    Children,
    /// hub: all directories below image_dir, by base name. Their images are looked for in the
    /// directory of that name directly under image_dir, so a nested directory only counts if the
    /// top level has one of the same name.
    Walk,
}

impl Layout {
    /// The extensions, in the scripts' order.
    fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Children => &["jpg", "jpeg", "JPG", "JPEG"],
            Self::Walk => &["JPEG", "JPG", "jpeg", "jpg", "png"],
        }
    }
}

/// The formats whose files are taken, by their endings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Formats {
    /// All that can be decoded.
    #[default]
    All,
    /// Exactly the extensions that the script takes.
    Script,
    /// These.
    Only(Vec<ImageFormat>),
}

/// A file that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// Files of a lower rank come first: the script's extensions in its order, then the others by
    /// format.
    pub(super) rank: usize,
    /// The format, if the script would leave the file out.
    pub(super) beyond_script: Option<ImageFormat>,
}

impl Formats {
    /// Reads `all`, `script`, or the names of formats, separated by commas.
    ///
    /// # Errors
    /// A sentence that says what is known instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_lowercase().as_str() {
            "all" => return Ok(Self::All),
            "script" => return Ok(Self::Script),
            _ => {}
        }
        let format = |name: &str| {
            let name = name.trim().to_lowercase();
            ImageFormat::named(&name).ok_or_else(|| {
                let known = ImageFormat::ALL.map(|f| f.to_string().to_lowercase()).join(", ");
                format!("must be all, script, or some of {known}, not '{name}'")
            })
        };
        text.split(',').map(format).collect::<Result<_, _>>().map(Self::Only)
    }

    /// As it would be typed.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::All => "all".into(),
            Self::Script => "script".into(),
            Self::Only(formats) => {
                let names: Vec<String> =
                    formats.iter().map(|f| f.to_string().to_lowercase()).collect();
                names.join(",")
            }
        }
    }
}

/// What decides about the files of a class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'d> {
    pub(super) formats: &'d Formats,
    pub(super) layout: Layout,
    /// Whether directories within a class belong to it.
    pub(super) recursive: bool,
}

impl Rules<'_> {
    /// Whether a file of this name is taken.
    pub(super) fn take(&self, name: &OsStr) -> Option<Taken> {
        let extensions = self.layout.extensions();
        let ends = |extension: &&str| {
            name.as_encoded_bytes()
                .strip_suffix(extension.as_bytes())
                .is_some_and(|before| before.ends_with(b"."))
        };
        let of_script = extensions.iter().position(ends);
        let format = ImageFormat::of_name(name);
        let is_wanted = match self.formats {
            Formats::All => true,
            Formats::Script => of_script.is_some(),
            Formats::Only(formats) => format.is_some_and(|format| formats.contains(&format)),
        };
        match (of_script, format) {
            _ if !is_wanted => None,
            (Some(rank), _) => Some(Taken { rank, beyond_script: None }),
            (None, Some(format)) => {
                let rank = extensions.len() + format as usize;
                Some(Taken { rank, beyond_script: Some(format) })
            }
            (None, None) => None,
        }
    }
}

//! The TensorFlow wheels whose libraries can be used. The build script includes this file, so it
//! uses std alone.

use std::ops::RangeInclusive;

/// The minor versions of TensorFlow 2 that can be used if Python has one: their wheels have the
/// libraries and functions needed here. For Windows, those before 2.15 need libraries that
/// TensorFlow only finds when Python has loaded it.
pub(crate) const MINOR_VERSIONS: RangeInclusive<u32> =
    if cfg!(windows) { 15..=21 } else { 13..=21 };

/// The wheel for a platform, with the checksum that pip verifies. 2.16 is the last TensorFlow for
/// Intel Macs, and the last whose start-up messages can be turned off (README, "Which TensorFlow").
pub(crate) struct Wheel {
    os: &'static str,
    arch: &'static str,
    pub(crate) distribution: &'static str,
    pub(crate) version: &'static str,
    pub(crate) platforms: &'static [&'static str],
    pub(crate) megabytes: u32,
    pub(crate) sha256: &'static str,
}

const WHEELS: &[Wheel] = &[
    Wheel {
        os: "linux",
        arch: "x86_64",
        distribution: "tensorflow-cpu",
        version: "2.16.2",
        platforms: &["manylinux_2_17_x86_64", "manylinux2014_x86_64"],
        megabytes: 214,
        sha256: "c855cb6bf05d32dd5928086b03a5f6b4189b63c22b95e017703cbee4291023ca",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        distribution: "tensorflow",
        version: "2.16.2",
        platforms: &["manylinux_2_17_aarch64", "manylinux2014_aarch64"],
        megabytes: 219,
        sha256: "8728b12bc86941d90d0a927c40d4b21f8820964a80439a7c45f850eb37d57067",
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        distribution: "tensorflow",
        version: "2.16.2",
        platforms: &["macosx_12_0_arm64"],
        megabytes: 227,
        sha256: "2c8a0e79395639b762e62002db99b2f6cc608f744312c9940899c1128f325331",
    },
    Wheel {
        os: "macos",
        arch: "x86_64",
        distribution: "tensorflow",
        version: "2.16.2",
        platforms: &["macosx_10_15_x86_64"],
        megabytes: 260,
        sha256: "ec06570d57bfa0e2be804405e3cdc2960e94887e7619ffb6bc053e9775b695aa",
    },
    Wheel {
        os: "windows",
        arch: "x86_64",
        distribution: "tensorflow-intel",
        version: "2.16.2",
        platforms: &["win_amd64"],
        megabytes: 377,
        sha256: "d508e15fae4a60f233794c591d4b0e4b1ed92ccb3f017fd107950f5f45f3bd43",
    },
];

impl Wheel {
    /// The wheel for a platform, which is named as by [`std::env::consts`].
    pub(crate) fn of(os: &str, arch: &str) -> Option<&'static Self> {
        WHEELS.iter().find(|wheel| wheel.os == os && wheel.arch == arch)
    }

    /// The name of the directory in the cache that holds the wheel's libraries.
    pub(crate) fn directory(&self) -> String {
        format!("tensorflow-{}-{}-{}", self.version, self.os, self.arch)
    }
}

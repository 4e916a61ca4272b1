//! The flags of `download_images`.

use super::flag::{Flag, Group, Kind};
use crate::download::ListFormat;

const fn flag(
    group: Group,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Flag {
    Flag { name, kind, default, help, scripts: &[], group }
}

/// All flags.
pub const DOWNLOAD_IMAGES_FLAGS: &[Flag] = &[
    flag(
        Group::Start,
        "urls",
        Kind::Str,
        "",
        "The list: a text file with an address a line (after it, the class), or CSV or TSV with \
         columns such as url, class and name",
    ),
    flag(Group::Start, "image_dir", Kind::Str, "", "Where to create the class directories"),
    flag(Group::Start, "class", Kind::Str, "", "The class of all lines that name none"),
    flag(
        Group::Images,
        "format",
        Kind::Choice(&ListFormat::NAMES),
        "",
        "The list's format: text, csv or tsv [default: by the file's ending, else by its first \
         line]",
    ),
    flag(
        Group::Images,
        "url_column",
        Kind::Str,
        "",
        "The column of the addresses [default: url, image_url and the like]",
    ),
    flag(
        Group::Images,
        "class_column",
        Kind::Str,
        "",
        "The column of the classes [default: class, label and the like]",
    ),
    flag(
        Group::Images,
        "name_column",
        Kind::Str,
        "",
        "The column of the files' names [default: name, filename, id and the like, else the last \
         part of the address]",
    ),
    flag(Group::Images, "max_images", Kind::Int, "", "Stop at this many photographs in all"),
    flag(Group::Images, "max_per_class", Kind::Int, "", "Stop at this many of a class"),
    flag(Group::Images, "max_bytes", Kind::Int, "50000000", "The most bytes of a photograph"),
    flag(Group::Images, "max_total_bytes", Kind::Int, "", "The most bytes to receive in this run"),
    flag(
        Group::Outputs,
        "report",
        Kind::Str,
        "",
        "A CSV file with what became of each address; the next run goes on from it [default: \
         download_report.csv in --image_dir]",
    ),
    flag(Group::Running, "parallel", Kind::Int, "8", "Downloads at a time"),
    flag(Group::Running, "per_host", Kind::Int, "2", "Downloads at a time from one host"),
    flag(
        Group::Running,
        "delay",
        Kind::Float,
        "0.1",
        "The shortest time between two requests to one host, in seconds",
    ),
    flag(Group::Running, "tries", Kind::Int, "4", "How often an address is tried"),
    flag(
        Group::Running,
        "retry_pause",
        Kind::Float,
        "1",
        "Seconds before the second try, less up to a half by chance; doubled for each further one",
    ),
    flag(
        Group::Running,
        "max_wait",
        Kind::Float,
        "120",
        "The longest pause that a server may ask for, in seconds; a host that asks for more is \
         left alone until the next run",
    ),
    flag(
        Group::Running,
        "connect_timeout",
        Kind::Float,
        "20",
        "The longest wait for a connection, in seconds",
    ),
    flag(
        Group::Running,
        "stall_timeout",
        Kind::Float,
        "30",
        "The longest wait for the next bytes, in seconds",
    ),
    flag(
        Group::Running,
        "timeout",
        Kind::Float,
        "300",
        "The longest time for one try of a photograph, in seconds",
    ),
    flag(
        Group::Running,
        "min_rate",
        Kind::Int,
        "1000",
        "The fewest bytes a second, measured over --stall_timeout",
    ),
    flag(
        Group::Running,
        "skip_failed",
        Kind::Switch,
        "",
        "Do not try again what the report says has failed",
    ),
    flag(
        Group::Running,
        "allow_private",
        Kind::Switch,
        "",
        "Also download from this machine and from private networks",
    ),
    flag(
        Group::Running,
        "user_agent",
        Kind::Str,
        crate::download::USER_AGENT,
        "How the program introduces itself to servers",
    ),
];

//! Photographs from the web get names that Windows has.

use super::{seen, wine};
use crate::download::{NO_PROXIES, jpeg};
use crate::http::{Reply, Server};
use crate::support::{Workspace, files_under};
use std::fs;

#[test]
fn downloads_get_names_that_windows_has_and_go_on_where_they_stopped() {
    let Some(wine) = wine() else { return };
    let server = Server::concurrent(|request, _| match request.target() {
        "/nul.jpg" => Reply::new("200 OK", jpeg(1)),
        "/a%3Ab.jpg" => Reply::new("200 OK", jpeg(2)),
        _ => Reply::new("200 OK", jpeg(3)),
    });
    let workspace = Workspace::new();
    let list = ["/nul.jpg", "/a%3Ab.jpg", "/M13.jpg"];
    let list = list.map(|path| format!("{} CON\r\n", server.url(path)));
    workspace.write("list.txt", format!("\u{feff}{}", list.concat()));
    let photos = format!("--image_dir={}", seen(&workspace.path("photos")));
    let args = ["--urls=list.txt", &photos, "--allow_private", "--delay=0"];
    for says in ["3 photographs downloaded", "3 done before"] {
        let mut command = wine.command("download_images.exe", workspace.root(), &args);
        super::outcome(command.envs(NO_PROXIES)).expect_code(0).says(says);
        let files = files_under(&workspace.path("photos"));
        assert_eq!(files, ["_CON/M13.jpg", "_CON/_nul.jpg", "_CON/a_b.jpg", "download_report.csv"]);
    }
    assert!(fs::read(workspace.path("photos/_CON/_nul.jpg")).unwrap() == jpeg(1));
}

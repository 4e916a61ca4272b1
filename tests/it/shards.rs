//! `cache_bottlenecks` and its shards: many processes that know nothing of each other fill one
//! cache, and `retrain` takes it for its own.

use super::support::{
    CACHE_BOTTLENECKS, Outcome, Workspace, command, files_under, miniature_dir, run_with_env,
    shared,
};
use retrain::cli::{CACHE_BOTTLENECKS_FLAGS, Group, RETRAIN_FLAGS};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const COMPUTED: &str = " computed in ";

fn args(more: &[&str]) -> Vec<String> {
    let model_dir = format!("--model_dir={}", miniature_dir().display());
    let own = ["--image_dir=photos", "--architecture=miniature", "--bottleneck_dir=bottlenecks"];
    [&own, &[model_dir.as_str()][..], more].concat().into_iter().map(str::to_owned).collect()
}

fn cache_with_env(workspace: &Workspace, more: &[&str], env: &[(&str, &str)]) -> Outcome {
    run_with_env(CACHE_BOTTLENECKS, workspace.root(), &args(more), env)
}

fn cache(workspace: &Workspace, more: &[&str]) -> Outcome {
    cache_with_env(workspace, more, &[])
}

fn start(workspace: &Workspace, more: &[&str]) -> Child {
    let mut command = command(CACHE_BOTTLENECKS, workspace.root(), &args(more));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// How many bottlenecks a process computed.
fn computed(stderr: &str) -> usize {
    let before = stderr.split(COMPUTED).next().filter(|before| before.len() < stderr.len());
    before.map_or(0, |before| {
        let words: Vec<&str> = before.rsplit([':', ' ']).collect();
        words[1].parse().unwrap_or_else(|_| panic!("{stderr}"))
    })
}

fn shard_path(workspace: &Workspace, shard: &str) -> PathBuf {
    let (index, count) = shard.split_once('/').unwrap();
    workspace.path(&format!("bottlenecks/miniature.bottlenecks.shard-{index}-of-{count}"))
}

/// The names in a directory, in order.
fn names_in(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What a run has found out: the graph, the labels, the accuracy, and each photograph's scores.
fn results(workspace: &Workspace, outcome: &Outcome) -> [Vec<u8>; 4] {
    let read = |name: &str| fs::read(workspace.path(name)).unwrap();
    let accuracy = outcome.stderr.lines().find(|line| line.contains("Final test accuracy"));
    let predictions = read("summaries/report/predictions.csv");
    [read("graph.pb"), read("labels.txt"), accuracy.unwrap().into(), predictions]
}

/// Three shards computed at once, and what a run makes of them, beside a run without shards.
fn assert_three_make_one(workspace: &Workspace, model: &[&str]) {
    let plain = workspace.retrain(&[model, &["--bottleneck_dir=plain"]].concat()).expect_code(0);
    let plain = results(workspace, &plain);
    let all = files_under(&workspace.path("photos")).len();
    let shards = ["1/3", "2/3", "3/3"].map(|shard| format!("--shard={shard}"));
    let started = shards.each_ref().map(|shard| start(workspace, &[model, &[shard]].concat()));
    let mut parts = Vec::new();
    for child in started {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        parts.push(computed(&said(&output)));
    }
    assert_eq!(parts.iter().sum::<usize>(), all, "{parts:?}");
    assert!(parts.iter().all(|&part| part > all / 6), "{parts:?}");
    let shards = names_in(&workspace.path("bottlenecks"));
    assert_eq!(shards.len(), 3, "{shards:?}");

    let merged = workspace.retrain(model).expect_code(0);
    assert!(!merged.stderr.contains(COMPUTED), "{}", merged.stderr);
    assert!(!merged.stderr.contains("lack"), "{}", merged.stderr);
    assert!(results(workspace, &merged) == plain);
    // Nothing was copied: neither into the packed file nor into text files.
    assert_eq!(files_under(&workspace.path("bottlenecks")), shards);
    assert_parts_are_as_promised(workspace, &shards);
    let packed = shards[0].split(".shard-").next().unwrap();
    let packed = fs::metadata(workspace.path("bottlenecks").join(packed)).unwrap();
    assert_eq!(packed.len(), 64, "no more than the header");
}

/// The SHA-256 of a photograph's name decides its shard. Another version must decide alike, or it
/// would not resume what this one began.
fn assert_parts_are_as_promised(workspace: &Workspace, shards: &[String]) {
    let contents: Vec<Vec<u8>> = shards
        .iter()
        .map(|shard| fs::read(workspace.path("bottlenecks").join(shard)).unwrap())
        .collect();
    for name in files_under(&workspace.path("photos")) {
        let hash = Sha256::digest(&name);
        let part = u64::from_le_bytes(hash[..8].try_into().unwrap()) % shards.len() as u64;
        let holds = |content: &Vec<u8>| content.windows(name.len()).any(|w| w == name.as_bytes());
        let holding: Vec<bool> = contents.iter().map(holds).collect();
        let expected = (0..shards.len() as u64).map(|shard| shard == part).collect::<Vec<_>>();
        assert_eq!(holding, expected, "{name}");
    }
}

#[test]
fn three_shards_make_the_graph_of_one_run() {
    assert_three_make_one(&Workspace::with_photos(40), &[]);
}

#[test]
fn three_shards_of_a_mobilenet_make_the_graph_of_one_run() {
    let Some(models) = shared("models") else { return };
    let models = format!("--model_dir={}", models.display());
    let workspace = Workspace::with_photos(15);
    assert_three_make_one(&workspace, &["--architecture=mobilenet_0.25_224", &models]);
}

#[test]
fn without_a_shard_the_whole_cache_is_filled() {
    let workspace = Workspace::with_photos(20);
    let outcome = cache(&workspace, &["--bottleneck_text=off"]).expect_code(0);
    outcome.says("40 bottlenecks computed in").says("bottlenecks/miniature.bottlenecks");
    assert_eq!(names_in(workspace.root()), ["bottlenecks", "photos"], "it trains nothing");
    assert_eq!(names_in(&workspace.path("bottlenecks")), ["miniature.bottlenecks"]);
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
    fs::remove_dir_all(workspace.path("bottlenecks")).unwrap();
    cache(&workspace, &[]).expect_code(0);
    assert_eq!(files_under(&workspace.path("bottlenecks")).len(), 40);
    let outcome = cache(&workspace, &["--bottleneck_dir=photos/other"]).expect_code(2);
    outcome.says("--bottleneck_dir: photos/other is in --image_dir");
}

/// Starts the computing of all photographs, of which a block has 64.
fn start_until_a_block_is_written(workspace: &Workspace) -> Child {
    let mut child = start(workspace, &["--shard=1/1"]);
    while fs::metadata(shard_path(workspace, "1/1")).map_or(0, |file| file.len()) < 65 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    child
}

#[test]
fn a_killed_shard_resumes() {
    let workspace = Workspace::with_photos(150);
    let path = shard_path(&workspace, "1/1");
    let mut child = start_until_a_block_is_written(&workspace);
    child.kill().unwrap();
    child.wait().unwrap();
    // As if it had been killed while it was writing a block.
    let half = [&fs::read(&path).unwrap()[..], b"BLCK\x40\0\0\0half a block"].concat();
    fs::write(&path, half).unwrap();

    let resumed = cache(&workspace, &["--shard=1/1"]).expect_code(0);
    let rest = computed(&resumed.stderr);
    assert!(rest < 300 && (300 - rest).is_multiple_of(64), "whole blocks are kept, not {rest}");
    assert_eq!(computed(&cache(&workspace, &["--shard=1/1"]).expect_code(0).stderr), 0);
    let merged = workspace.retrain(&[]).expect_code(0);
    assert!(!merged.stderr.contains(COMPUTED), "{}", merged.stderr);
    let merged = results(&workspace, &merged);
    let plain = workspace.retrain(&["--bottleneck_dir=plain"]).expect_code(0);
    assert!(results(&workspace, &plain) == merged);
}

/// As a batch system stops what has used up its time.
#[cfg(unix)]
#[test]
fn a_stopped_shard_says_so_and_resumes() {
    let workspace = Workspace::with_photos(150);
    let child = start_until_a_block_is_written(&workspace);
    // SAFETY: kill takes any numbers; the child has not been waited for, so the pid is its own.
    #[allow(unsafe_code)]
    let sent = unsafe { libc::kill(child.id().try_into().unwrap(), libc::SIGTERM) };
    assert_eq!(sent, 0);
    let output = child.wait_with_output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(128 + 15), "{said}");
    assert!(said.contains("are cached; run the same command to continue"), "{said}");
    let rest = computed(&cache(&workspace, &["--shard=1/1"]).expect_code(0).stderr);
    assert_eq!(computed(&said) + rest, 300, "{said}");
}

#[test]
fn a_photograph_that_is_none_fails_its_shard_after_all_others() {
    let workspace = Workspace::with_photos(20);
    workspace.write("photos/open cluster/zz.jpg", "not a photograph");
    let failed = cache(&workspace, &["--shard=1/1"]).expect_code(1);
    let failed = failed.says("Error during processing file photos/open cluster/zz.jpg");
    assert_eq!(computed(&failed.stderr), 40);
    let skip = "--on_bad_image=skip";
    let skipped = cache(&workspace, &["--shard=1/1", skip]).expect_code(0);
    assert_eq!(computed(&skipped.says("zz.jpg").stderr), 0);
    let merged = workspace.retrain(&[skip]).expect_code(0).says("shard 1 of 1 lacks 1 photograph,");
    let merged = results(&workspace, &merged);
    let plain = workspace.retrain(&[skip, "--bottleneck_dir=plain"]).expect_code(0);
    assert!(results(&workspace, &plain) == merged);
}

/// Runs the command that a run named, as a shell reads it.
fn run_named_command(workspace: &Workspace, stderr: &str) -> String {
    let line = stderr.lines().find(|line| line.contains("to compute them elsewhere")).unwrap();
    let (_, named) = line.split_once("run: ").unwrap();
    let programs = Path::new(CACHE_BOTTLENECKS).parent().unwrap();
    let path = env::join_paths(
        [programs.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())),
    );
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(named).current_dir(workspace.root()).env("PATH", path.unwrap());
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{named}\n{}", said(&output));
    named.to_owned()
}

#[cfg(unix)]
#[test]
fn missing_shards_are_named_with_the_command_that_computes_them() {
    let workspace = Workspace::with_photos(40);
    // What a shell must have quoted.
    let images = "--image_dir=Anna's $photos";
    fs::rename(workspace.path("photos"), workspace.path("Anna's $photos")).unwrap();
    let model = [images, "--symmetry=flip", "--exif_orientation"];
    for present in ["--shard=2/8", "--shard=4/8"] {
        cache(&workspace, &[&model[..], &[present]].concat()).expect_code(0);
    }
    // A shard that was begun lacks some.
    let begun = names_in(&workspace.path("bottlenecks"));
    let begun = workspace.path("bottlenecks").join(&begun[1]);
    fs::write(&begun, &fs::read(&begun).unwrap()[..64]).unwrap();
    let off = [&model[..], &["--bottleneck_text=off", "--optimizer=lbfgs"]].concat();
    let run = || {
        let outcome = workspace.retrain(&off).expect_code(0);
        // As if it had been stopped before it computed anything.
        fs::remove_file(begun.to_str().unwrap().split(".shard-").next().unwrap()).unwrap();
        outcome
    };
    let outcome = run().says("WARNING:retrain:shards 1, 3 to 8 of 8 lack ");
    assert!(outcome.stderr.contains("which this run computes now"), "{}", outcome.stderr);
    let named = run_named_command(&workspace, &outcome.stderr);
    assert!(named.starts_with("for i in 1 $(seq 3 8); do cache_bottlenecks "), "{named}");
    assert!(!run().stderr.contains(COMPUTED));

    let fifth = begun.with_file_name(names_in(&workspace.path("bottlenecks"))[4].clone());
    fs::remove_file(fifth).unwrap();
    let outcome = run().says("WARNING:retrain:shard 5 of 8 lacks ");
    let named = run_named_command(&workspace, &outcome.stderr);
    assert!(named.contains(" --shard=5/8") && !named.contains("optimizer"), "{named}");
    assert!(!run().stderr.contains(COMPUTED));
}

#[test]
fn slurm_says_which_shard() {
    let workspace = Workspace::with_photos(20);
    let task = |[id, min, step, count]: [&str; 4], more: &[&str]| {
        let env = [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", min),
            ("SLURM_ARRAY_TASK_STEP", step),
            ("SLURM_ARRAY_TASK_COUNT", count),
        ];
        cache_with_env(&workspace, more, &env)
    };
    // --array=0-2, --array=1-4 and --array=10-30:5.
    for (said, shard) in [
        (["0", "0", "1", "3"], "1/3"),
        (["2", "0", "1", "3"], "3/3"),
        (["1", "1", "1", "4"], "1/4"),
        (["4", "1", "", "4"], "4/4"),
        (["20", "10", "5", "5"], "3/5"),
    ] {
        task(said, &[]).expect_code(0);
        assert!(shard_path(&workspace, shard).exists(), "{said:?}");
    }
    task(["2", "0", "1", "3"], &["--shard=7/7"]).expect_code(0);
    assert_eq!(names_in(&workspace.path("bottlenecks")).len(), 6);
    // --array=1,3,7; a number below the lowest; between two; no numbers at all.
    for said in [
        ["7", "1", "1", "3"],
        ["0", "1", "1", "3"],
        ["3", "1", "4", "3"],
        ["3", "1", "0", "3"],
        ["1", "1", "1", "0"],
        ["1", "", "1", "3"],
        ["one", "1", "1", "3"],
    ] {
        let refused = task(said, &[]).expect_code(2);
        refused
            .says("--shard: cannot be told from SLURM_ARRAY_TASK_ID=")
            .says("give it: --shard=I/N");
    }
    // The first task of --array=2,5-7: with the highest number, the gap shows.
    let chosen = [
        ("SLURM_ARRAY_TASK_ID", "2"),
        ("SLURM_ARRAY_TASK_MIN", "2"),
        ("SLURM_ARRAY_TASK_STEP", "1"),
        ("SLURM_ARRAY_TASK_COUNT", "4"),
        ("SLURM_ARRAY_TASK_MAX", "7"),
    ];
    cache_with_env(&workspace, &[], &chosen).expect_code(2).says("SLURM_ARRAY_TASK_MAX=7");
    assert_eq!(names_in(&workspace.path("bottlenecks")).len(), 6);
    let whole = [&chosen[..4], &[("SLURM_ARRAY_TASK_MAX", "5")]].concat();
    cache_with_env(&workspace, &[], &whole).expect_code(0);
    assert!(shard_path(&workspace, "1/4").exists());
}

#[test]
fn what_is_no_shard_is_refused() {
    let workspace = Workspace::with_photos(2);
    for wrong in [
        "9/8",
        "0/8",
        "1/0",
        "0/0",
        "-1/8",
        "+1/8",
        "01/8",
        "1/8/",
        "1",
        "",
        "/",
        "a/b",
        "1 /8",
        "1/4294967296",
    ] {
        let refused = cache(&workspace, &[&format!("--shard={wrong}")]).expect_code(2);
        refused.says("--shard: must be I/N").says(&format!("not '{wrong}'"));
    }
    assert!(!workspace.path("bottlenecks").exists());
}

#[test]
fn a_shard_of_another_model_or_damaged_is_as_good_as_not_there() {
    let workspace = Workspace::with_photos(40);
    let off = ["--bottleneck_text=off"];
    let plain = workspace.retrain(&["--bottleneck_dir=plain"]).expect_code(0);
    let plain = results(&workspace, &plain);
    cache(&workspace, &["--shard=1/2"]).expect_code(0);
    cache(&workspace, &["--shard=2/2"]).expect_code(0);
    let path = shard_path(&workspace, "2/2");
    let whole = fs::read(&path).unwrap();
    let mut other_model = whole.clone();
    other_model[20] ^= 1;
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for (content, is_ignored) in [
        (&other_model[..], true),
        (b"something else", true),
        (b"", true),
        (&damaged, false),
        (&whole[..whole.len() - 1], false),
    ] {
        fs::write(&path, content).unwrap();
        let _ = fs::remove_file(workspace.path("bottlenecks/miniature.bottlenecks"));
        let outcome = workspace.retrain(&off).expect_code(0);
        assert!(computed(&outcome.stderr) > 0, "{}", outcome.stderr);
        let ignored = "1 shard ignored, not of this version of the model";
        assert_eq!(outcome.stderr.contains(ignored), is_ignored, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("shard 2 of 2 lacks "), "{}", outcome.stderr);
        assert!(results(&workspace, &outcome) == plain);
        assert!(fs::read(&path).unwrap() == content, "a run does not write to shards");
    }
    // The shard itself makes it good.
    fs::write(&path, other_model).unwrap();
    fs::remove_file(workspace.path("bottlenecks/miniature.bottlenecks")).unwrap();
    cache(&workspace, &["--shard=2/2"]).expect_code(0);
    assert!(fs::read(&path).unwrap().len() == whole.len());
    assert!(!workspace.retrain(&off).expect_code(0).stderr.contains(COMPUTED));
}

#[test]
fn two_processes_do_not_compute_one_shard() {
    let workspace = Workspace::with_photos(40);
    let mut ended = Vec::new();
    for child in [0, 1, 2].map(|_| start(&workspace, &["--shard=1/1"])) {
        let output = child.wait_with_output().unwrap();
        let said = said(&output);
        if !output.status.success() {
            assert!(said.contains("is being computed by another process"), "{said}");
        }
        ended.push((output.status.code(), computed(&said)));
    }
    // One did the work; who came after it had nothing left to do.
    assert_eq!(ended.iter().map(|(_, computed)| computed).sum::<usize>(), 80, "{ended:?}");
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));

    let before = fs::read(shard_path(&workspace, "1/1")).unwrap();
    let held = File::open(shard_path(&workspace, "1/1")).unwrap();
    held.lock().unwrap();
    cache(&workspace, &["--shard=1/1"])
        .expect_code(1)
        .says("shard-1-of-1: is being computed by another process; wait until that has ended");
    assert!(fs::read(shard_path(&workspace, "1/1")).unwrap() == before);
    // A run only reads.
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
}

#[test]
fn a_shard_leaves_out_what_the_cache_has() {
    let workspace = Workspace::with_photos(40);
    let nothing = |more: &[&str]| {
        let outcome = cache(&workspace, more).expect_code(0);
        assert_eq!(computed(&outcome.stderr), 0, "{}", outcome.stderr);
    };
    let clear = |names: fn(&str) -> bool| {
        for name in names_in(&workspace.path("bottlenecks")).iter().filter(|name| names(name)) {
            let path = workspace.path("bottlenecks").join(name);
            let removed =
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            removed.unwrap();
        }
    };
    // Text files, alone and with the packed file; the packed file alone.
    workspace.retrain(&[]).expect_code(0);
    nothing(&["--shard=1/2"]);
    clear(|name| name.contains("miniature"));
    nothing(&["--shard=1/2"]);
    clear(|_| true);
    workspace.retrain(&["--bottleneck_text=off"]).expect_code(0);
    nothing(&["--shard=1/2"]);
    // Shards of another number.
    clear(|_| true);
    for shard in ["--shard=1/3", "--shard=2/3", "--shard=3/3"] {
        cache(&workspace, &[shard]).expect_code(0);
    }
    nothing(&["--shard=1/2"]);
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
    // A row is taken from wherever it holds.
    let photo = workspace.path("photos/open cluster/o00000.jpg");
    fs::copy(workspace.path("photos/open cluster/o00001.jpg"), &photo).unwrap();
    let again: usize = ["--shard=1/2", "--shard=2/2"]
        .map(|shard| computed(&cache(&workspace, &[shard]).expect_code(0).stderr))
        .iter()
        .sum();
    assert_eq!(again, 1, "the one that has changed");
    let outcome = workspace.retrain(&[]).expect_code(0);
    assert!(!outcome.stderr.contains(COMPUTED), "{}", outcome.stderr);
}

#[test]
fn a_photograph_that_has_changed_since_its_shard_is_computed_again() {
    let workspace = Workspace::with_photos(20);
    cache(&workspace, &["--shard=1/1"]).expect_code(0);
    let photo = |name: &str| workspace.path("photos/open cluster").join(name);
    fs::copy(photo("o00003.jpg"), photo("o00000.jpg")).unwrap();
    let touched = fs::read(photo("o00001.jpg")).unwrap();
    fs::write(photo("o00001.jpg"), touched).unwrap();
    let outcome = workspace.retrain(&[]).expect_code(0);
    let outcome = outcome
        .says("recomputing 1 bottleneck, because")
        .says("shard 1 of 1 lacks 1 photograph,")
        .says("1 bottleneck computed in");
    let merged = results(&workspace, &outcome);
    // The one that was touched and the one that was computed are now in the packed file.
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
    let plain = workspace.retrain(&["--bottleneck_dir=plain"]).expect_code(0);
    assert!(results(&workspace, &plain) == merged);
}

/// On a file system without locks, as some that clusters share are.
#[cfg(target_os = "linux")]
#[test]
fn a_shard_needs_no_locks() {
    let workspace = Workspace::with_photos(20);
    let source = "#include <errno.h>\nint flock(int f, int o) { errno = ENOSYS; return -1; }";
    workspace.write("locks.c", source);
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o", "locks.so", "locks.c"]);
    if !compiler.current_dir(workspace.root()).status().is_ok_and(|status| status.success()) {
        println!("skipped: no C compiler");
        return;
    }
    let without_locks = workspace.path("locks.so");
    let env = [("LD_PRELOAD", without_locks.to_str().unwrap())];
    let half = |shard| cache_with_env(&workspace, &[shard], &env).expect_code(0);
    let parts = ["--shard=1/2", "--shard=2/2"]
        .map(|shard| computed(&half(shard).says("is on a file system without locks").stderr));
    assert_eq!(parts.iter().sum::<usize>(), 40);
    assert_eq!(computed(&half("--shard=1/2").stderr), 0);
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
}

#[test]
fn presets_stand_for_their_networks_here_too() {
    let workspace = Workspace::with_photos(2);
    let refused = cache(&workspace, &["--preset=frozen", "--shard=1/0"]).expect_code(2);
    refused
        .says("--preset=frozen stands for --architecture=efficientnet_lite1 --symmetry=dihedral\n");
}

/// A flag of `retrain` that is about photographs or the network decides which bottlenecks there
/// are, unless it is about the split or the training.
#[test]
fn every_flag_that_decides_is_taken() {
    let of_split = ["testing_percentage", "validation_percentage", "split_key", "split_file"];
    let taken: BTreeSet<&str> = CACHE_BOTTLENECKS_FLAGS.iter().map(|flag| flag.name).collect();
    for flag in RETRAIN_FLAGS.iter().filter(|f| [Group::Images, Group::Model].contains(&f.group)) {
        assert_eq!(taken.contains(flag.name), !of_split.contains(&flag.name), "{}", flag.name);
    }
}

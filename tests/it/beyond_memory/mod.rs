//! Training with more bottlenecks than memory.

#[cfg(target_os = "linux")]
pub(crate) mod limit;
pub(crate) mod made;

#[cfg(target_os = "linux")]
mod linux {
    use super::limit::MemoryLimit;
    use super::made::{FLAGS, Plan, forget, make};
    use crate::loading::load_tensorflow;
    use crate::support::{Outcome, RETRAIN, Workspace, command};
    use std::fs;
    use std::path::{Path, PathBuf};

    const MIB: u64 = 1 << 20;
    /// libtensorflow and the program take about 170 MiB of it; the rest is a third of the file.
    const LIMIT: u64 = 256 * MIB;

    /// 256 MiB of bottlenecks, which is more than the limit leaves.
    fn made() -> (Workspace, PathBuf) {
        load_tensorflow();
        let workspace = Workspace::new();
        let plan = Plan { photographs: 64 << 10, classes: 2, width: 1024 };
        let packed = make(&plan, workspace.root());
        assert!(fs::metadata(&packed).unwrap().len() > LIMIT);
        (workspace, packed)
    }

    /// A group with little memory, or why the test is skipped.
    fn limit() -> Option<MemoryLimit> {
        let limit = MemoryLimit::new(LIMIT);
        limit.inspect_err(|why| println!("skipped: {why}")).ok()
    }

    fn run(workspace: &Workspace, args: &[&str], limit: Option<&MemoryLimit>) -> Outcome {
        let command = command(RETRAIN, workspace.root(), &[&FLAGS[..], args].concat());
        let mut command =
            limit.map_or_else(|| None, |l| Some(l.command(&command))).unwrap_or(command);
        let output = command.output().unwrap();
        let code = output.status.code().unwrap_or(-1);
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Outcome { code, stdout, stderr }
    }

    fn graph(dir: &Path) -> Vec<u8> {
        fs::read(dir.join("graph.pb")).unwrap()
    }

    #[test]
    fn runs_in_too_little_memory_give_what_others_give() {
        let Some(limit) = limit() else { return };
        let (workspace, packed) = made();
        for args in [
            &["--how_many_training_steps=300"][..],
            &["--how_many_training_steps=300", "--batch_order=epochs", "--early_stopping=20"],
            &["--feature_scaling=standard", "--optimizer=adam", "--how_many_training_steps=50"],
            &["--optimizer=lbfgs", "--weight_decay=0.01"],
        ] {
            let plenty = run(&workspace, args, None).expect_code(0);
            assert!(!plenty.stderr.contains("read ahead"), "{}", plenty.stderr);
            let expected = graph(workspace.root());
            fs::remove_file(workspace.path("graph.pb")).unwrap();
            forget(&packed);
            let little = run(&workspace, args, Some(&limit)).expect_code(0);
            little.says("INFO:retrain:The bottlenecks do not fit into memory: they are read ahead");
            assert!(graph(workspace.root()) == expected, "{args:?}");
        }
    }

    #[test]
    fn what_would_need_more_memory_is_refused_with_the_remedy() {
        let Some(limit) = limit() else { return };
        let (workspace, packed) = made();
        forget(&packed);
        for (args, flag, remedy) in [
            (&["--weight_decay=auto", "--optimizer=lbfgs"][..], "weight_decay=auto", "give a num"),
            (&["--cross_validate=5"], "cross_validate", "leave it out"),
            (&["--train_batch_size=-1"], "train_batch_size=-1", "give a number of photographs"),
        ] {
            let refused = run(&workspace, args, Some(&limit)).expect_code(2);
            let refused = refused.says(&format!("--{flag}: needs "));
            refused.says(" MiB are free; ").says(remedy);
        }
    }
}

//! Training with more bottlenecks than memory.

#[cfg(target_os = "linux")]
pub(crate) mod limit;
#[cfg(target_os = "linux")]
pub(crate) mod made;

#[cfg(target_os = "linux")]
mod linux {
    use super::limit::MemoryLimit;
    use super::made::{FLAGS, Plan, forget, make};
    use crate::loading::load_tensorflow;
    use crate::support::{Outcome, RETRAIN, Workspace, command};
    use std::fs;

    /// libtensorflow and the program take 60 to 100 MiB of it.
    const LIMIT: u64 = 192 << 20;
    /// 160 MiB of bottlenecks: more than the limit leaves.
    const PLAN: Plan = Plan { photographs: 40 << 10, classes: 2, width: 1024 };

    fn run(workspace: &Workspace, args: &[&str], limit: Option<&MemoryLimit>) -> Outcome {
        let command = command(RETRAIN, workspace.root(), &[&FLAGS[..], args].concat());
        let mut command = limit.map(|limit| limit.command(&command)).unwrap_or(command);
        let output = command.output().unwrap();
        let code = output.status.code().unwrap_or(-1);
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Outcome { code, stdout, stderr }
    }

    fn graph(workspace: &Workspace) -> Vec<u8> {
        fs::read(workspace.path("graph.pb")).unwrap()
    }

    #[test]
    fn runs_in_too_little_memory_give_what_others_give() {
        let limit = match MemoryLimit::new(LIMIT) {
            Ok(limit) => limit,
            Err(why) => return println!("skipped: {why}"),
        };
        load_tensorflow();
        let workspace = Workspace::new();
        let packed = make(&PLAN, workspace.root());
        for args in [
            &["--how_many_training_steps=100"][..],
            &["--how_many_training_steps=100", "--batch_order=epochs", "--early_stopping=20"],
            &["--how_many_training_steps=10", "--optimizer=adam", "--feature_scaling=standard"],
            &["--optimizer=lbfgs", "--weight_decay=0.01"],
        ] {
            let plenty = run(&workspace, args, None).expect_code(0);
            assert!(!plenty.stderr.contains("read ahead"), "{}", plenty.stderr);
            let expected = graph(&workspace);
            fs::remove_file(workspace.path("graph.pb")).unwrap();
            forget(&packed);
            let little = run(&workspace, args, Some(&limit)).expect_code(0);
            let ahead = "INFO:retrain:The bottlenecks do not fit into memory: they are read ahead";
            assert_eq!(little.stderr.contains(ahead), args[0] != "--optimizer=lbfgs");
            assert!(graph(&workspace) == expected, "{args:?}");
        }
        refuses_what_would_need_more(&workspace, &limit);
    }

    fn refuses_what_would_need_more(workspace: &Workspace, limit: &MemoryLimit) {
        for (args, flag, remedy) in [
            (&["--weight_decay=auto", "--optimizer=lbfgs"][..], "weight_decay=auto", "give a num"),
            (&["--cross_validate=5"], "cross_validate", "leave it out"),
            (&["--train_batch_size=-1"], "train_batch_size=-1", "give a number of photographs"),
        ] {
            let refused = run(workspace, args, Some(limit)).expect_code(2);
            let refused = refused.says(&format!("--{flag}: needs "));
            refused.says(" MiB are free; ").says(remedy);
        }
    }
}

//! A server of TensorFlow's distributed runtime, whose sessions other processes open.

use crate::error::{Error, Result};
use crate::proto::{self, ClusterDef, ConfigProto, JobDef, ServerDef, TaskEntry};
use std::ffi::{CStr, CString, c_void};
use tensorflow_sys_runtime as tf;

/// A running server: a cluster of one task. It runs until the process ends, because TensorFlow can
/// neither stop nor delete one.
///
/// It runs whatever graph it is sent, and TensorFlow has it listen on every address of the machine,
/// whatever it is told.
#[derive(Debug)]
pub struct Server {
    port: u16,
}

impl Server {
    /// Starts a server on a free port. `job` (a letter, then letters, digits and `_`) is part of
    /// the names of its devices, which clients see.
    ///
    /// # Errors
    /// If TensorFlow cannot listen.
    pub fn start(job: &str) -> Result<Self> {
        let address = "localhost:0".to_owned();
        let task = TaskEntry { key: 0, value: address, ..Default::default() };
        let jobs = JobDef { name: job.into(), tasks: vec![task], ..Default::default() };
        // As in local sessions, each op runs on one thread, and many runs at once: the number of
        // threads changes the order of sums.
        let config = ConfigProto { intra_op_parallelism_threads: 1, ..Default::default() };
        let definition = ServerDef {
            cluster: Some(ClusterDef { job: vec![jobs], ..Default::default() }).into(),
            job_name: job.into(),
            task_index: 0,
            default_session_config: Some(config).into(),
            protocol: "grpc".into(),
            ..Default::default()
        };
        let target = start(&proto::serialize(&definition)?)?;
        let port = target.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let port = port.ok_or_else(|| {
            Error::tensorflow("starting a server", format!("'{target}' names no port"))
        })?;
        Ok(Self { port })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Starts a server and returns its target, `grpc://HOST:PORT`.
#[allow(unsafe_code)]
fn start(definition: &[u8]) -> Result<String> {
    // SAFETY: the definition lives until TF_NewServer, which copies it, returns. The status is
    // deleted once, after its last use. A null server is not used. The target is copied while the
    // server, which is never deleted, still lives.
    unsafe {
        let status = tf::TF_NewStatus();
        let server =
            tf::TF_NewServer(definition.as_ptr().cast::<c_void>(), definition.len(), status);
        if !server.is_null() {
            tf::TF_ServerStart(server, status);
        }
        let failed = tf::TF_GetCode(status) != tf::TF_Code::TF_OK;
        let message: CString = CStr::from_ptr(tf::TF_Message(status)).into();
        tf::TF_DeleteStatus(status);
        if failed || server.is_null() {
            return Err(Error::tensorflow("starting a server", message.to_string_lossy()));
        }
        Ok(CStr::from_ptr(tf::TF_ServerTarget(server)).to_string_lossy().into_owned())
    }
}

"""A stock server of TensorFlow's distributed runtime: server.py PORT. Prints its version once it serves."""

import sys
import threading

import tensorflow as tf

cluster = {"worker": ["localhost:" + sys.argv[1]]}
server = tf.distribute.Server(cluster, job_name="worker", task_index=0)
print(tf.__version__, flush=True)
threading.Event().wait()

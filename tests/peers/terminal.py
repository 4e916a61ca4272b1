"""Runs a program on its own pseudo-terminal.

Request: {"argv": [program, arguments…], "cwd": directory}. Answer: {"code": exit code, "output":
what it wrote}.
"""
import json
import os
import pty
import sys

request = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(request["cwd"])
    os.environ["TERM"] = "xterm"
    os.execv(request["argv"][0], request["argv"])
output = b""
while True:
    try:
        chunk = os.read(terminal, 1 << 16)
    except OSError:
        break
    if not chunk:
        break
    output += chunk
_, status = os.waitpid(pid, 0)
print(json.dumps({"code": os.WEXITSTATUS(status), "output": output.decode()}))

"""Shared by `compare`, `scale` and `workers`: measures a process, describes the machine, records and prints
results."""

import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
MIB = 1 << 20


class Failed(Exception):
    """A measured command failed. The message is for the user."""


class Finished:
    """A process that ran to its end."""

    def __init__(self, seconds, usage, lines, stdout, sampled):
        self.seconds = seconds
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        # In KiB, except on macOS.
        self.peak_mib = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MIB
        self.lines = lines
        self.stdout = stdout
        self.sampled_mib = sampled

    def when(self, text):
        """Seconds from the start to the first line on stderr that contains `text`; None if there is none."""
        return next((seconds for seconds, line in self.lines if text in line), None)

    def line(self, text):
        """The first line on stderr that contains `text`, or the empty string."""
        return next((line for _, line in self.lines if text in line), "")


def run(command, cwd, timeout, sample=False, watch=lambda pid, line: None):
    """Runs `command` to its end and measures wall time, user and system time, and peak memory.

    With `sample`, also records the largest RssAnon and RssFile (Linux only; read every 20 ms).
    `watch` is called with the process and each line on stderr, as it comes."""
    with tempfile.TemporaryFile() as stdout:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE
        )
        lines, sampled = [], {}
        reader = threading.Thread(target=_read_lines, args=(process, start, lines, watch))
        reader.start()
        ended = threading.Event()
        if sample:
            threading.Thread(target=_sample_memory, args=(process.pid, ended, sampled), daemon=True).start()
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = -(status & 0x7F) if status & 0x7F else status >> 8
        timer.cancel()
        ended.set()
        reader.join()
        stdout.seek(0)
        text = stdout.read().decode("utf-8", "replace")
    if process.returncode != 0:
        last = "\n".join(line for _, line in lines[-15:])
        after = f" after {seconds:.0f} s" if process.returncode < 0 else ""
        raise Failed(f"{' '.join(map(str, command))}\nended with {process.returncode}{after}:\n{last}")
    return Finished(seconds, usage, lines, text, sampled)


def _read_lines(process, start, lines, watch):
    for line in process.stderr:
        text = line.decode("utf-8", "replace").rstrip()
        watch(process.pid, text)
        lines.append((time.perf_counter() - start, text))


def _sample_memory(pid, ended, sampled):
    while not ended.wait(0.02):
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        for line in status.splitlines():
            name, _, value = line.partition(":")
            if name in ("RssAnon", "RssFile"):
                sampled[name] = max(sampled.get(name, 0.0), int(value.split()[0]) / 1024)


def machine():
    """The machine's properties that timings depend on."""
    return {
        "cpu": _proc_field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": os.getloadavg()[0],
    }


def _proc_field(path, name):
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def commit():
    """The commit of this repository, with a + if files have changed since."""
    def git(*args):
        answer = subprocess.run(["git", *args], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        return answer.stdout.strip()
    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "src", "Cargo.lock") else "")


def today():
    """The date and time, in a form for file names."""
    return datetime.datetime.now().strftime("%Y-%m-%dT%H%M%S")


class Record:
    """A JSON file of raw runs, rewritten after every run so that a killed benchmark loses none."""

    def __init__(self, out, name, head):
        out.mkdir(parents=True, exist_ok=True)
        self.date = today()
        self.path = out / f"{name}-{self.date}.json"
        self.content = {"date": self.date, "commit": commit(), "machine": machine(), **head, "runs": []}

    def add(self, run):
        """Adds one run."""
        self.content["runs"].append(run)
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.content, indent=1, ensure_ascii=False) + "\n")
        temporary.replace(self.path)

    def describe(self):
        """The machine and the load in a sentence."""
        m = self.content["machine"]
        return (
            f"{m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}; {self.date}, commit "
            f"{self.content['commit']}; load at the start {m['load_before']:.1f}."
        )


def say(text):
    """Prints progress to stderr, apart from the result."""
    print(text, file=sys.stderr, flush=True)


def median_and_minimum(values, digits=2):
    """`median (minimum)`."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f})"


def print_table(head, rows):
    """Prints a Markdown table."""
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |")

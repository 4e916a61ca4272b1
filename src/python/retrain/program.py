"""Finds the programs that were installed with this package, and becomes one of them."""

import os
import subprocess
import sys
import sysconfig


def directories():
    """Where pip puts programs, beginning with the installation that this file belongs to."""
    site = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    up = os.path.dirname
    if os.name == "nt":
        # Of an environment, of a user, and of `pip install --target`.
        yield os.path.join(up(up(site)), "Scripts")
        yield os.path.join(up(site), "Scripts")
    else:
        # Of an environment or a user, which keep packages in `lib/python3.11/site-packages`.
        yield os.path.join(up(up(up(site))), "bin")
    yield os.path.join(site, "bin")
    # Of an editable installation, whose package stays in its source tree.
    yield sysconfig.get_path("scripts")
    yield os.path.dirname(sys.executable)


def find(name):
    """The path of a program; ends the process if there is none."""
    searched = list(dict.fromkeys(directories()))
    for directory in searched:
        path = os.path.join(directory, name + (".exe" if os.name == "nt" else ""))
        if os.path.isfile(path):
            return path
    sys.exit(
        "The program {0} is not in {1}.\nInstall the wheel again: {2} -m pip install "
        "--force-reinstall --no-deps <file of the wheel>".format(
            name, " or ".join(searched), sys.executable
        )
    )


def run(name):
    """Goes on as the program `name`, with this process's arguments."""
    command = [find(name), *sys.argv[1:]]
    if os.name != "nt":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], command)
    # Windows cannot replace a process. Ctrl-C reaches the program too, which ends in its own way.
    process = subprocess.Popen(command)
    while True:
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:
            pass

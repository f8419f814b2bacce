# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands on orlop-tutorial(7), and a shell that goes from one to the next."""
import os
import pathlib
import re
import subprocess
import time

PAGE = pathlib.Path(__file__).resolve().parents[3] / "man/orlop-tutorial.7"
BY_HAND = {"1. A root file system", "2. A configuration", "3. A run"}
HERE = re.compile(r"<<'(\w+)'$")


def sections():
    """Title to commands, each with the lines that it shows."""
    found, title, inside = {}, "", False
    for line in PAGE.read_text().splitlines():
        if line.startswith(".Ss "):
            title = line[4:]
            found[title] = []
        elif line.startswith((".Bd", ".Ed")):
            inside = line.startswith(".Bd")
        elif inside:
            found[title].append(line.replace("\\&", "").replace("\\e", "\\"))
    return {title: list(commands(lines)) for title, lines in found.items() if lines}


def commands(lines):
    at = 0
    while at < len(lines):
        assert lines[at].startswith("# "), lines[at]
        command, shown, end = lines[at][2:], [], HERE.search(lines[at])
        at += 1
        while end and not command.endswith(f"\n{end[1]}"):
            command += "\n" + lines[at]
            at += 1
        while at < len(lines) and not lines[at].startswith("# "):
            shown.append(lines[at])
            at += 1
        yield command, shown


def shows(shown, out):
    """A line with dots stands for any, or for several."""
    pattern = "".join(r"(.*\n)*" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n" for line in shown)
    return re.fullmatch(pattern, out)


class Shell:
    """One that goes on from command to command, as a reader's does."""

    def __init__(self, directory, **env):
        self.process = subprocess.Popen(["bash", "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, cwd=directory, env={**os.environ, **env})

    def __call__(self, command):
        print(f"{command}\necho; echo \"=== $?\"", file=self.process.stdin, flush=True)
        out = ""
        while not (end := re.search(r"\n=== (\d+)\n$", out)):
            line = self.process.stdout.readline()
            assert line, out
            out += line
        return int(end[1]), out[:end.start()]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)


def play(shell, titles):
    for title in titles:
        for command, shown in sections()[title]:
            rc, out = shell(command)
            # A reader is slower than a container's first words.
            for _ in range(100):
                if not command.startswith(("cat ", "tail ")) or shows(shown, out):
                    break
                time.sleep(0.1)
                rc, out = shell(command)
            assert rc == 0 and (not shown or shows(shown, out)), (command, rc, out, shown)

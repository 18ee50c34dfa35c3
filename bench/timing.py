"""Timing, with the contenders taking turns: A B C, A B C, ... and not A A A, B B B."""

import os
import re
import subprocess
import tempfile
import time


def rounds(count, contenders, warm_up=True):
    """Runs {name: function}; a function that gives a number is taken at its word, else its seconds count. Gives
    {name: [number of each round]}. The first turn is not counted, if it is a warm-up."""
    taken = {name: [] for name in contenders}
    for turn in range(-1 if warm_up else 0, count):
        for name, function in contenders.items():
            figure = seconds_of(function)
            if turn >= 0:
                taken[name].append(figure)
    return taken


def seconds_of(function):
    began = time.perf_counter()
    said = function()
    return time.perf_counter() - began if said is None else said


def several(times, function):
    """A function that gives the seconds of one, as the mean of several."""
    return lambda: sum(seconds_of(function) for _ in range(times)) / times


def ratios(ours, theirs):
    """Round by round."""
    return [a / b for a, b in zip(ours, theirs)]


def pgbench(data, script, clients=1, seconds=None, transactions=None, options=""):
    """Runs a script with prepared statements. Gives transactions a second, and the milliseconds of each statement."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = ["pgbench", "-n", "-M", "prepared", "-r", "-c", str(clients), "-j", str(clients), "-f", file.name]
        command += ["-T", str(seconds)] if seconds else ["-t", str(transactions)]
        environment = {**os.environ, "PGOPTIONS": options}
        done = subprocess.run(command + [data.name], capture_output=True, text=True, env=environment)
    tps = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or not tps or re.search(r"failed transactions: [1-9]", done.stdout):
        raise RuntimeError(f"pgbench failed:\n{script}\n{done.stdout}\n{done.stderr}")
    statements = re.findall(r"^\s+([\d.]+)\s+(?:\d+\s+)?(?=[A-Z])", done.stdout, re.MULTILINE)
    return float(tps[1]), [float(each) for each in statements]


def tps(data, script, **how):
    return lambda: pgbench(data, script, **how)[0]


def query(connection, sql, *parameters):
    """A function that runs a query and takes its answer."""
    def run():
        connection.execute(sql, parameters or None).fetchall()
    return run

"""Runs every engine on the same networks and inputs, one turn each in every round, and writes times, errors and ratios.

    peers.py --folder FOLDER --worker fovea_worker --results FOLDER [--rounds N]      (run.sh does everything before this)

Each engine is a process of its own, held to as many CPUs as it has threads. All but one are stopped (SIGSTOP) at any time, so
that none spins beside another. Ratios are taken within a round, where clocks and other load are alike, and only of turns that
no one disturbed; rounds go on until every engine has N such pairs, or three times as many rounds are over.
"""
import argparse
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

import numpy

import report
import statistics_of_turns as statistics

HERE = pathlib.Path(__file__).parent
NETWORKS = ["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "ssdlite320_mobilenet_v3_large", "efficientnet_b0",
            "efficientdet_d0"]
PEERS = ["onnxruntime", "openvino", "ncnn", "litert", "torch_eager"]
DISTRIBUTION_PYTHON = "/usr/bin/python3"  # has torch
TURN_MS, WARM_UP = 100.0, 2
TOLERANCE = 1e-4  # of the largest output; a peer that is further from torch is no rival (half precision is at 1e-3)
MOST_ROUNDS = 3  # times the rounds asked for


class Worker:
    """An engine's process, stopped except while it answers."""

    def __init__(self, engine, folder, threads, fovea_worker):
        if engine == "fovea":
            command = [fovea_worker, folder.name]
        else:
            python = DISTRIBUTION_PYTHON if engine.startswith("torch") else sys.executable
            command = [python, HERE / "worker.py", engine]
        self.threads = threads
        self.process = subprocess.Popen(
            [*map(str, command), str(folder), str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, preexec_fn=lambda: os.sched_setaffinity(0, range(threads)))
        self.version = self._answer()
        self._signal(signal.SIGSTOP)

    def ask(self, command):
        self._signal(signal.SIGCONT)
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        self._signal(signal.SIGSTOP)
        return answer

    def times(self, count):
        return [float(t) for t in self.ask(f"run {count}").split()]

    def turn(self, count):
        """A turn of `count` passes that are counted."""
        begin, lost = time.perf_counter(), self._lost_seconds()
        times = self.times(WARM_UP + count)[WARM_UP:]
        seconds = (time.perf_counter() - begin) * self.threads
        return statistics.Turn(times, (self._lost_seconds() - lost) / seconds)

    def close(self):
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _lost_seconds(self):
        """How long the hypervisor kept this engine's CPUs to itself, and its threads waited for a CPU."""
        cpus = [f"cpu{i}" for i in range(self.threads)]
        lines = [line.split() for line in pathlib.Path("/proc/stat").read_text().splitlines()]
        steal = sum(int(line[8]) for line in lines if line[0] in cpus) / os.sysconf("SC_CLK_TCK")
        waits = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return steal + sum(int(wait.read_text().split()[1]) for wait in waits) * 1e-9

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"exit status {self.process.wait()}")
        return line.strip()

    def _signal(self, which):
        if self.process.poll() is None:
            self.process.send_signal(which)


def error_of(worker, folder, scratch):
    """The largest difference from torch's outputs, as a part of the largest output."""
    worker.ask(f"outputs {scratch}")
    errors = []
    for expected_file in sorted(folder.glob("expected*.npy")):
        expected = numpy.load(expected_file).ravel()
        found = numpy.load(f"{scratch}{expected_file.stem.removeprefix('expected')}.npy").ravel()
        same = found.shape == expected.shape
        errors.append(float(abs(found - expected).max() / abs(expected).max()) if same else float("inf"))
    return max(errors)


def start(engines, folder, threads, fovea_worker):
    """(workers by name, what kept the others from starting)"""
    workers, failures = {}, {}
    for engine in engines:
        try:
            workers[engine] = Worker(engine, folder, threads, fovea_worker)
        except RuntimeError as failure:
            failures[engine] = str(failure)
    return workers, failures


def take_rounds(workers, wanted):
    """Rounds in which every engine has a turn, in alternating order: [{engine: Turn}]"""
    passes = {}
    for engine, worker in workers.items():
        once = min(worker.times(1 + WARM_UP)[WARM_UP:])
        passes[engine] = max(2, round(TURN_MS / once))
    rounds = []
    while len(rounds) < MOST_ROUNDS * wanted and statistics.fewest_pairs(rounds, workers) < wanted:
        order = sorted(workers, reverse=len(rounds) % 2 == 1)
        rounds.append({engine: workers[engine].turn(passes[engine]) for engine in order})
    return rounds


def measure(folder, threads, arguments):
    """One network with one number of threads: {engine: figures}"""
    workers, failures = start(["fovea", *arguments.engines], folder, threads, arguments.worker)
    errors = {engine: error_of(worker, folder, arguments.folder / "out") for engine, worker in workers.items()}
    peaks = [float(workers["fovea"].ask("peak 0"))]
    rounds = take_rounds(workers, arguments.rounds)
    peaks.append(float(workers["fovea"].ask("peak 0")))
    macs = int(workers["fovea"].ask("macs 0"))
    figures = {engine: {"version": worker.version, "error": errors[engine], "correct": errors[engine] <= TOLERANCE,
                        **statistics.figures(engine, rounds)} for engine, worker in workers.items()}
    for worker in workers.values():
        worker.close()
    return {"network": folder.name, "threads": threads, "macs": macs, "fma_peak_gflops": max(peaks), "rounds": len(rounds),
            "engines": figures, "failures": failures}


def processor():
    """As lscpu names it, with family and model, which a virtual machine's name may hide."""
    facts = dict(line.split(":", 1) for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines())
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    if "model name" not in facts:
        return platform.machine()
    return f"{facts['model name']} (family {facts['cpu family']} model {facts['model']})"


def commit():
    """Of the tree that this script lies in, "unknown" outside of a git clone."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="what export.py wrote")
    parser.add_argument("--worker", required=True, help="the program fovea_worker")
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=25, help="undisturbed rounds wanted (25)")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--threads", nargs="+", type=int, default=range(1, min(2, os.cpu_count()) + 1))
    parser.add_argument("--engines", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--fovea-only", dest="engines", action="store_const", const=[], help="no peers")
    arguments = parser.parse_args()
    runs = []
    for threads in arguments.threads:
        for name in arguments.networks:
            print(f"{name}, {threads} thread{'s' if threads > 1 else ''}", file=sys.stderr)
            runs.append(measure(arguments.folder / name, threads, arguments))
    load = [round(x, 2) for x in os.getloadavg()]
    report.write({"processor": processor(), "cpus": os.cpu_count(), "commit": commit(), "load_average_at_end": load,
                  "runs": runs}, arguments.results)


if __name__ == "__main__":
    main()

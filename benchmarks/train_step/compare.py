"""Times a training step of fovea and of torch in turns, and writes a table: compare.py --worker FOVEA_WORKER [OPTIONS]

In every round each contestant runs once, as a process of its own held to as many CPUs as it has threads: a few steps to warm
up, then some that count. Ratios are taken within a round, where clocks and other load are alike. All start from the same
parameters, images and boxes; first losses that differ by more than 1e-4 end the comparison. (run.sh does everything before.)
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peers"))
from peers import commit, processor  # noqa: E402

TOLERANCE = 1e-4  # of the first loss
DISTRIBUTION_PYTHON = "/usr/bin/python3"
PYPI_NAMES = {"PyPI torch": [], "PyPI torch, channels last": ["--channels-last"],
              "PyPI torch, channels last, compiled": ["--channels-last", "--compile"]}
DEBIAN_NAMES = {"Debian torch": [], "Debian torch, channels last": ["--channels-last"]}


def contestants(arguments):
    """{name: command without the shared options}"""
    found = {"fovea": [arguments.worker]} if arguments.worker else {}
    for python, names in ((DISTRIBUTION_PYTHON, DEBIAN_NAMES), (arguments.pypi_python, PYPI_NAMES)):
        if python:
            found.update((name, [python, str(HERE / "worker.py"), *options]) for name, options in names.items()
                         if arguments.compile or "--compile" not in options)
    return found


def run(command, arguments):
    options = ["--network", arguments.network, "--threads", arguments.threads, "--batch", arguments.batch,
               "--steps", arguments.steps, "--warm-up", arguments.warm_up]
    done = subprocess.run([*command, *map(str, options)], capture_output=True, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, range(arguments.threads)))
    if done.returncode != 0:
        sys.exit("%s failed:\n%s" % (command, done.stderr[-2000:]))
    return json.loads(done.stdout.splitlines()[-1])


def take_rounds(commands, arguments):
    """[{name: what its worker printed}]"""
    rounds = []
    for i in range(arguments.rounds):
        turns = {}
        for name in sorted(commands, reverse=i % 2 == 1):
            turns[name] = run(commands[name], arguments)
            print("round %d, %s: %.0f ms a step" % (i + 1, name, 1e3 * statistics.median(turns[name]["seconds"])),
                  file=sys.stderr)
        check_losses(turns)
        rounds.append(turns)
    return rounds


def check_losses(turns):
    first = {name: turn["losses"][0] for name, turn in turns.items()}
    if not max(first.values()) - min(first.values()) <= TOLERANCE * min(first.values()):
        sys.exit("the first losses differ: %s" % first)


def summary(name, rounds):
    medians = [statistics.median(turns[name]["seconds"]) for turns in rounds]
    figures = {"version": rounds[0][name]["version"], "median_ms": 1e3 * statistics.median(medians),
               "min_ms": 1e3 * min(min(turns[name]["seconds"]) for turns in rounds),
               "start_rss_mb": statistics.median(turns[name]["start_rss_mb"] for turns in rounds),
               "peak_rss_mb": max(turns[name]["peak_rss_mb"] for turns in rounds),
               "losses": rounds[0][name]["losses"]}
    if "fovea" in rounds[0]:
        own = [statistics.median(turns["fovea"]["seconds"]) for turns in rounds]
        ratios = sorted(theirs / ours for theirs, ours in zip(medians, own))
        figures["ratio"], figures["ratio_range"] = statistics.median(ratios), [ratios[0], ratios[-1]]
        figures["ratio_of_least"] = figures["min_ms"] / (1e3 * min(min(turns["fovea"]["seconds"]) for turns in rounds))
    return figures


def table(report):
    engines = report["engines"]
    rows = ["# One training step: %s, batch %d, fp32, %d thread%s" %
            (report["network"], report["batch"], report["threads"], "s" if report["threads"] > 1 else ""), "",
            "%s, commit %s, load average at the end %s; %d rounds of %d steps." %
            (report["processor"], report["commit"], report["load_average"], report["rounds"], report["steps"]), "",
            "| | version | ms a step | / fovea (range) | least ms | / fovea | memory at the start, MB | at most, MB |",
            "|---|---|---|---|---|---|---|---|"]
    for name, f in engines.items():
        ratio = "%.2f (%.2f to %.2f)" % (f["ratio"], *f["ratio_range"]) if "ratio" in f else "-"
        least = "%.2f" % f["ratio_of_least"] if "ratio" in f else "-"
        rows.append("| %s | %s | %.0f | %s | %.0f | %s | %.0f | %.0f |" %
                    (name, f["version"], f["median_ms"], ratio, f["min_ms"], least, f["start_rss_mb"], f["peak_rss_mb"]))
    peers = [name for name in engines if name != "fovea"]
    if "fovea" in engines and peers:
        fastest = min(peers, key=lambda name: engines[name]["ratio"])
        rows += ["", "The fastest of torch takes **%.2f** times fovea's time (%s)." % (engines[fastest]["ratio"], fastest)]
    return "\n".join(rows) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", help="fovea's worker")
    parser.add_argument("--pypi-python", help="a Python with PyPI's torch")
    parser.add_argument("--compile", action="store_true", help="torch.compile as well (takes a minute to start)")
    parser.add_argument("--network", default="ssdlite320_large", choices=["ssdlite320_large", "ssdlite320_small"])
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count()))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=5, help="that count, in a turn")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before them")
    parser.add_argument("--results", type=pathlib.Path, help="folder of <network>.{json,md}")
    arguments = parser.parse_args()
    commands = contestants(arguments)
    rounds = take_rounds(commands, arguments)
    report = {"processor": processor(), "cpus": os.cpu_count(), "commit": commit(),
              "load_average": [round(x, 2) for x in os.getloadavg()],
              **{key: getattr(arguments, key) for key in ("network", "threads", "batch", "rounds", "steps", "warm_up")},
              "engines": {name: summary(name, rounds) for name in commands}}
    text = table(report)
    print(text)
    if arguments.results:
        arguments.results.mkdir(parents=True, exist_ok=True)
        stem = "%s_batch%d" % (arguments.network, arguments.batch)
        (arguments.results / (stem + ".json")).write_text(json.dumps(report, indent=1) + "\n")
        (arguments.results / (stem + ".md")).write_text(text)


if __name__ == "__main__":
    main()

"""From the figures of peers.py to <processor>.json, .md and .png."""
import json
import math
import re

LABELS = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "ncnn": "ncnn", "litert": "LiteRT (XNNPACK)",
          "torch_eager": "torch eager"}


def peers_of(run, key="median_ms"):
    """The engines of a run that computed the right thing, without fovea: {name: ms}"""
    return {name: figures[key] for name, figures in run["engines"].items()
            if name != "fovea" and figures["correct"]}


def fovea_ms(run, key="median_ms"):
    return run["engines"]["fovea"][key]


def share_of_peak(run, key):
    """fovea's multiply-adds a second, as a part of what the FMA units of the threads' cores can do"""
    return 2e-6 * run["macs"] / fovea_ms(run, key) / (run["fma_peak_gflops"] * run["threads"])


def ahead_of_best(run, key):
    return min(peers_of(run, key).values(), default=math.nan) / fovea_ms(run, key)


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def cell(run, engine, key):
    if engine not in run["engines"]:
        return "fails"
    figures = run["engines"][engine]
    if not figures["correct"]:
        return f"wrong (error {figures['error']:.1g})"
    return f"{figures[key]:.2f} ({figures[key] / fovea_ms(run, key):.2f})"


def table(result, key):
    engines = [e for e in LABELS if any(e in run["engines"] or e in run["failures"] for run in result["runs"])]
    lines = ["| network | threads | fovea | of peak | " + " | ".join(LABELS[e] for e in engines) + " | best peer / fovea |",
             "|---|---|---|---|" + "---|" * (len(engines) + 1)]
    for run in result["runs"]:
        cells = [run["network"], str(run["threads"]), f"**{fovea_ms(run, key):.2f}**", f"{share_of_peak(run, key):.0%}",
                 *(cell(run, e, key) for e in engines), f"**{ahead_of_best(run, key):.2f}**"]
        lines.append("| " + " | ".join(cells) + " |")
    mean = geometric_mean([ahead_of_best(run, key) for run in result["runs"]])
    return "\n".join([*lines, "", f"Geometric mean of best peer / fovea: **{mean:.2f}**."])


def versions(result):
    found = {}
    for run in result["runs"]:
        for name, figures in run["engines"].items():
            found[name] = figures["version"]
    return ", ".join(f"{LABELS.get(name, name)} {version}" for name, version in found.items())


def markdown(result):
    runs = result["runs"]
    errors = max(run["engines"]["fovea"]["error"] for run in runs)
    peaks = sorted(run["fma_peak_gflops"] for run in runs)
    return f"""# {result['processor']}

Batch 1, fp32, {result['cpus']} CPUs. Median milliseconds of a forward pass; in brackets: that engine's time / fovea's.

{table(result, "median_ms")}

The least times, which other load on the machine disturbs less:

{table(result, "min_ms")}

- Versions: {versions(result)}.
- Of peak: 2 x multiply-adds / time, as a part of what FMAs on registers reach on the threads' cores (measured in the same
  run: {peaks[0]:.0f} to {peaks[-1]:.0f} GFLOP/s a core).
- fovea's largest difference from torch's outputs: {errors:.1g} of the largest output.
- Load average at the end: {result['load_average_at_end'][0]} (one engine at a time runs on at most 2 CPUs).
- Made by `bash benchmarks/peers/run.sh`.
"""


def plot(result, file):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    engines = [e for e in LABELS if e != "torch_eager" and any(e in peers_of(run) for run in result["runs"])]
    figure, axes = pyplot.subplots(figsize=(10, 4.5))
    width = 0.8 / max(1, len(engines))
    for i, engine in enumerate(engines):
        at = [x + (i - (len(engines) - 1) / 2) * width for x in range(len(result["runs"]))]
        ratios = [peers_of(run).get(engine, 0) / fovea_ms(run) for run in result["runs"]]
        axes.bar_label(axes.bar(at, ratios, width, label=LABELS[engine]), fmt="%.1f", fontsize=7)
    axes.axhline(1, color="black", linewidth=1)
    axes.set_xticks(range(len(result["runs"])))
    axes.set_xticklabels([f"{run['network'].replace('_mobilenet_v3_large', '')}\n{run['threads']} thread"
                          f"{'s' if run['threads'] > 1 else ''}" for run in result["runs"]], fontsize=8)
    axes.set_ylabel("time / fovea's time (above 1: fovea is faster)")
    axes.set_title(f"Batch-1 latency, fp32, {result['processor']}")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def write(result, folder):
    """Writes the three files, named after the processor, and prints the table."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "_", result["processor"].lower()).strip("_")
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / f"{name}.md").write_text(markdown(result))
    plot(result, folder / f"{name}.png")
    print(markdown(result))

"""From the figures of peers.py to <processor>.json, .md and .png."""
import json
import math
import re

LABELS = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "ncnn": "ncnn", "litert": "LiteRT (XNNPACK)",
          "torch_eager": "torch eager"}
COLOURS = {"onnxruntime": "#4c72b0", "openvino": "#dd8452", "ncnn": "#55a868", "litert": "#8172b3"}


def fovea_ms(run, key):
    return run["engines"]["fovea"][key]


def ratio(run, engine, key):
    """An engine's time / fovea's: by medians the median over rounds, by least times their quotient."""
    figures = run["engines"][engine]
    return figures["ratio"] if key == "median_ms" else figures[key] / fovea_ms(run, key)


def correct_peers(run):
    return [name for name, figures in run["engines"].items() if name != "fovea" and figures["correct"]]


def ahead_of_best(run, key):
    """The fastest correct peer's time / fovea's; None without a peer."""
    return min((ratio(run, engine, key) for engine in correct_peers(run)), default=None)


def share_of_peak(run, key):
    """fovea's multiply-adds a second, as a part of what the FMA units of the threads' cores can do."""
    return 2e-6 * run["macs"] / fovea_ms(run, key) / (run["fma_peak_gflops"] * run["threads"])


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def cell(run, engine, key):
    if engine not in run["engines"]:
        return "fails"
    figures = run["engines"][engine]
    if not figures["correct"]:
        return f"wrong (error {figures['error']:.1g})"
    return f"{figures[key]:.2f} ({ratio(run, engine, key):.2f})"


def table(result, key):
    engines = [e for e in LABELS if any(e in run["engines"] or e in run["failures"] for run in result["runs"])]
    titles = ["network", "threads", "fovea", "of peak", *(LABELS[e] for e in engines)]
    titles += ["best peer / fovea"] if engines else []
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for run in result["runs"]:
        cells = [run["network"], str(run["threads"]), f"**{fovea_ms(run, key):.2f}**", f"{share_of_peak(run, key):.0%}",
                 *(cell(run, e, key) for e in engines)]
        if engines:
            best = ahead_of_best(run, key)
            cells.append("no peer" if best is None else f"**{best:.2f}**")
        lines.append("| " + " | ".join(cells) + " |")
    bests = [best for run in result["runs"] if (best := ahead_of_best(run, key)) is not None]
    if bests:
        lines += ["", f"Geometric mean of best peer / fovea: **{geometric_mean(bests):.2f}**."]
    return "\n".join(lines)


def scaling(result):
    """One line for each network that ran with one thread and with more."""
    one = {run["network"]: run for run in result["runs"] if run["threads"] == 1}
    gains = [f"{run['network']} {fovea_ms(one[run['network']], 'median_ms') / fovea_ms(run, 'median_ms'):.2f} "
             f"({fovea_ms(one[run['network']], 'min_ms') / fovea_ms(run, 'min_ms'):.2f} by the least times)"
             for run in result["runs"] if run["threads"] == 2 and run["network"] in one]
    return f"- fovea with two threads over one: {'; '.join(gains)}.\n" if gains else ""


def disturbances(result):
    """How much of the measurement was thrown away."""
    sides = [(run, name, figures) for run in result["runs"] for name, figures in run["engines"].items()]
    taken, left_out = sum(run["rounds"] for run, _, _ in sides), sum(run["rounds"] - f["rounds_counted"] for run, _, f in sides)
    busy = sorted({f"{run['network']} with {run['threads']}" for run, _, f in sides
                   if f["rounds_disturbed"] and f["rounds_counted"] == run["rounds"]})
    text = f"{left_out} of {taken} turns are left out, as others took part of their CPU time, or of fovea's in that round."
    return text + (f"\n  Where too few were left all count: {', '.join(busy)}." if busy else "")


def versions(result):
    found = {name: figures["version"] for run in result["runs"] for name, figures in run["engines"].items()}
    return ", ".join(f"{LABELS.get(name, name)} {version}" for name, version in found.items())


def markdown(result):
    runs = result["runs"]
    error = max(run["engines"]["fovea"]["error"] for run in runs)
    peaks = sorted(run["fma_peak_gflops"] for run in runs)
    return f"""# {result['processor']}

Batch 1, fp32, {result['cpus']} CPUs. Median milliseconds of a forward pass; in brackets: that engine's time / fovea's.

{table(result, "median_ms")}

The least times:

{table(result, "min_ms")}

- Versions: {versions(result)}; fovea at commit {result['commit']}.
- Ratios of the first table are medians over {min(run['rounds'] for run in runs)} or more rounds of that engine's median / fovea's median within
  a round, so they are not exactly the quotients of its times.
- {disturbances(result)}
- Of peak: 2 x multiply-adds / time, as a part of what FMAs on registers reach on the threads' cores (measured in the same
  run: {peaks[0]:.0f} to {peaks[-1]:.0f} GFLOP/s a core).
{scaling(result)}- fovea's largest difference from torch's outputs: {error:.1g} of the largest output.
- Load average at the end: {result['load_average_at_end'][0]} (one engine at a time runs on at most 2 CPUs).
- Made by `bash benchmarks/peers/run.sh`.
"""


def label(run):
    name = run["network"].replace("_mobilenet_v3_large", "").replace("mobilenet_", "MobileNet").replace("ssdlite", "SSDLite")
    name = name.replace("efficientnet_b", "EfficientNet-B").replace("efficientdet_d", "EfficientDet-D")
    return f"{name.replace('Netv', 'NetV').replace('_', '-')}\n{run['threads']} thread{'s' if run['threads'] > 1 else ''}"


def plot(result, file):
    """Bars of the correct peers' times over fovea's, by network and threads."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = result["runs"]
    engines = [e for e in COLOURS if any(e in correct_peers(run) for run in runs)]  # torch eager would dwarf all others
    figure, axes = pyplot.subplots(figsize=(max(11, 1.35 * len(runs)), 4.5))
    width = 0.8 / max(1, len(engines))
    for i, engine in enumerate(engines):
        shown = [(x, ratio(run, engine, "median_ms")) for x, run in enumerate(runs) if engine in correct_peers(run)]
        bars = axes.bar([x + (i - (len(engines) - 1) / 2) * width for x, _ in shown], [r for _, r in shown], width,
                        label=LABELS[engine], color=COLOURS[engine])
        axes.bar_label(bars, fmt="%.2f", fontsize=7, padding=1)
    axes.axhline(1, color="black", linewidth=1)
    axes.set_xticks(range(len(runs)), [f"{label(run)}\nfovea {fovea_ms(run, 'median_ms'):.2f} ms,\n"
                                       f"{share_of_peak(run, 'median_ms'):.0%} of peak" for run in runs], fontsize=8)
    axes.set_ylabel("time / fovea's time")
    axes.set_title(f"Batch-1 latency beside fovea's, fp32, {result['processor']}: above 1 fovea is faster", fontsize=10, pad=26)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    axes.legend(fontsize=8, ncols=len(engines), frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1))
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def write(result, folder):
    """Writes the files, named after the processor, and prints the table; the plot only when there are peers."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "_", result["processor"].lower()).strip("_")
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / f"{name}.md").write_text(markdown(result))
    if any(correct_peers(run) for run in result["runs"]):
        plot(result, folder / f"{name}.png")
    print(markdown(result))

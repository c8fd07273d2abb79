"""What is said of the turns that engines had: which are counted, and medians and ratios of those."""
import dataclasses
import statistics

LEAST_PAIRS = 3  # with fewer undisturbed rounds all are counted
DISTURBED = 0.02  # share of a turn that others may take away, above what an engine's own threads take from each other


@dataclasses.dataclass
class Turn:
    times: list  # ms
    lost: float  # share of its CPU time that others took away

    @property
    def median(self):
        return statistics.median(self.times)


def calm(engine, rounds):
    """The indices of the rounds in which the engine's turn was undisturbed."""
    own = min((turns[engine].lost for turns in rounds), default=0)
    return {i for i, turns in enumerate(rounds) if turns[engine].lost <= own + DISTURBED}


def fewest_pairs(rounds, engines):
    """In how many rounds an engine and fovea were undisturbed, for the engine with the fewest."""
    return min(len(calm(engine, rounds) & calm("fovea", rounds)) for engine in engines)


def figures(engine, rounds):
    """An engine's times, and their ratios to fovea's in the same rounds."""
    pairs = calm(engine, rounds) & calm("fovea", rounds)
    disturbed = len(rounds) - len(pairs)
    if len(pairs) < LEAST_PAIRS:
        pairs = set(range(len(rounds)))
    turns = [rounds[i][engine] for i in sorted(pairs)]
    ratios = sorted(rounds[i][engine].median / rounds[i]["fovea"].median for i in pairs)
    quarter = len(ratios) // 4
    return {"median_ms": statistics.median(turn.median for turn in turns),
            "min_ms": min(min(turn.times) for turn in turns),
            "ratio": statistics.median(ratios),
            "ratio_quartiles": [ratios[quarter], ratios[-1 - quarter]],
            "rounds_counted": len(pairs), "rounds_disturbed": disturbed}

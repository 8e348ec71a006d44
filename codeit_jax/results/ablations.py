"""What ablations come to: figures with their spread over seeds, as tables and as a picture."""

import csv
import dataclasses
import io
import statistics
from collections.abc import Mapping, Sequence

BASE = "base"

# What runs are held against each other by, and what it is called.
MEASURES = {
    "policy_performance": "policy",
    "policy_cumulative": "ever",
    "cumulative_performance": "cumulative",
}

Figures = Mapping[str, float]  # a run's, by `MEASURES`
Runs = Mapping[str, Mapping[int, Figures]]  # by variant and seed


@dataclasses.dataclass(frozen=True)
class Spread:
    """Some numbers, summed up.

    Attributes:
        mean: their mean.
        deviation: their standard deviation as that of a sample; None of fewer than two.
    """

    mean: float
    deviation: float | None

    def text(self, sign: str = "") -> str:
        """Returns it as `12.3±1.2`, in few characters.

        Args:
            sign: "+" to give the mean's sign, whichever it is.
        """
        digits = 1 if abs(self.mean) < 99.95 else 0
        told = f"{self.mean:{sign}.{digits}f}"
        return told if self.deviation is None else f"{told}±{self.deviation:.{digits}f}"


@dataclasses.dataclass(frozen=True)
class Variant:
    """A variant's runs, summed up.

    Attributes:
        name: what it is called.
        values: each seed's figures, by `MEASURES`.
        figures: these summed up.
        differences: how far they are above the base's of the same seed, summed up; none of the base.
    """

    name: str
    values: Mapping[str, Sequence[float]]
    figures: Mapping[str, Spread]
    differences: Mapping[str, Spread]

    @property
    def num_seeds(self) -> int:
        return len(next(iter(self.values.values())))


def spread(numbers: Sequence[float]) -> Spread:
    """Sums numbers up, of which there is one at least."""
    return Spread(statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else None)


def summarize(runs: Runs) -> list[Variant]:
    """Returns what the runs of each variant come to, in their order; those of the base are among them."""
    base = runs[BASE]
    summarized = []
    for name, by_seed in runs.items():
        values = {measure: [figures[measure] for figures in by_seed.values()] for measure in MEASURES}
        differences = {
            measure: [figures[measure] - base[seed][measure] for seed, figures in by_seed.items()]
            for measure in MEASURES
            if name != BASE
        }
        summed = ({key: spread(each) for key, each in group.items()} for group in (values, differences))
        summarized.append(Variant(name, values, *summed))
    return summarized


def ablations_csv(variants: Sequence[Variant]) -> str:
    """Returns a table with a line for each variant and all figures; an empty cell where there is none."""
    kinds = ("mean", "std", "difference_mean", "difference_std")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["variant", "num_seeds", *(f"{measure}_{kind}" for measure in MEASURES for kind in kinds)]
    )
    for variant in variants:
        line: list[str] = [variant.name, str(variant.num_seeds)]
        for measure in MEASURES:
            for each in (variant.figures[measure], variant.differences.get(measure)):
                numbers = (None, None) if each is None else (each.mean, each.deviation)
                line += ["" if number is None else f"{number:.6g}" for number in numbers]
        writer.writerow(line)
    return text.getvalue()


def table_rows(variants: Sequence[Variant]) -> tuple[list[str], list[list[str]]]:
    """Returns the titles and the rows of a table for people: each figure beside how it differs."""
    titles = ["variant"]
    for label in MEASURES.values():
        titles += [label, "vs base"]
    rows = []
    for variant in variants:
        row = [variant.name]
        for measure in MEASURES:
            difference = variant.differences.get(measure)
            row += [variant.figures[measure].text(), difference.text("+") if difference else ""]
        rows.append(row)
    return titles, rows


def ablations_markdown(variants: Sequence[Variant], title: str) -> str:
    """Returns the table as Markdown, below a title."""
    titles, rows = table_rows(variants)
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "\n".join([f"{title}.", "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def ablations_svg(variants: Sequence[Variant], title: str) -> str:
    """Draws bars of the means with their standard deviations, and every seed as a dot on them."""
    import matplotlib  # takes a second to load, which nothing else here needs
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "codeit_jax"}):
        figure = Figure(figsize=(11, 1.6 + 0.38 * len(variants)), layout="constrained")
        figure.suptitle(title, fontsize=11)
        panels = figure.subplots(1, len(MEASURES), sharey=True, squeeze=False).flat
        places = range(len(variants))
        for axes, (measure, label) in zip(panels, MEASURES.items(), strict=True):
            summed = [variant.figures[measure] for variant in variants]
            colours = ["#1f5fd0" if variant.name == BASE else "#7aa9ea" for variant in variants]
            deviations = [each.deviation or 0.0 for each in summed]
            axes.barh(places, [each.mean for each in summed], xerr=deviations, color=colours, capsize=3)
            for place, variant in zip(places, variants, strict=True):
                values = variant.values[measure]
                axes.plot(values, [place] * len(values), "o", color="#c2570c", markersize=3)
            axes.set_title(label, loc="left", fontsize=11)
            axes.set_xlim(left=0)
            axes.set_xlabel("tasks solved")
            axes.grid(axis="x", alpha=0.25)
        axes.set_yticks(places, [variant.name for variant in variants])
        axes.invert_yaxis()
        picture = io.StringIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    return picture.getvalue()

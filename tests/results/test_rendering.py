"""Pictures show the very grids of a task, and of its attempts."""

import re
from xml.etree import ElementTree

from codeit_jax.arc import load_tasks
from codeit_jax.results.rendering import COLOURS, task_picture

SVG = "{http://www.w3.org/2000/svg}"


def bars_of(group):
    """The colour, left, top and width of every bar of a grid, and how high each is."""
    for path in group.iter(f"{SVG}path"):
        if path.get("fill"):
            for left, top, width, height in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+z", path.get("d")):
                yield COLOURS.index(path.get("fill")), int(left), int(top), int(width), int(height)


def drawn_grids(picture):
    """The grids of a picture, read back from the bars that they are made of."""
    grids = []
    for group in ElementTree.fromstring(picture).iter(f"{SVG}g"):
        cells = {}
        for colour, left, top, width, side in bars_of(group):
            for number in range(width // side):
                place = top // side, left // side + number
                assert place not in cells
                cells[place] = colour
        height, width = (1 + max(place[axis] for place in cells) for axis in (0, 1))
        grids.append(tuple(tuple(cells[i, j] for j in range(width)) for i in range(height)))
    return grids


def test_every_grid_is_drawn_as_it_is():
    for task in load_tasks("arc1/evaluation")[:40]:
        attempts = [[(["attempt 1", "<&>"], pair.output), (["attempt 2"], pair.input)] for pair in task.test]
        wanted = [grid for pair in task.train for grid in (pair.input, pair.output)]
        wanted += [grid for pair in task.test for grid in (pair.input, pair.output, pair.input)]
        picture = task_picture(task, attempts)
        assert drawn_grids(picture) == wanted
        assert len(picture) < 150_000


def test_nothing_lies_outside_of_the_picture_or_over_another():
    for task in load_tasks("arc1/evaluation")[:40]:
        root = ElementTree.fromstring(task_picture(task, [[(["attempt"], pair.input)] for pair in task.test]))
        _, _, width, height = map(float, root.get("viewBox").split())
        boxes = []
        for group in root.iter(f"{SVG}g"):
            left, top = map(float, group.get("transform")[len("translate(") : -1].split())
            bars = list(bars_of(group))
            right = left + max(x + bar_width for _, x, _, bar_width, _ in bars)
            bottom = top + max(y + side for _, _, y, _, side in bars)
            assert right <= width
            assert bottom <= height
            assert not any(
                left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
                for other in boxes
            )
            boxes.append((left, top, right, bottom))


def test_test_outputs_are_not_drawn():
    task = load_tasks("arc1/evaluation")[0]
    picture = task_picture(task, [[(["attempt"], ((1,),))]])
    assert drawn_grids(picture)[-1] == ((1,),)
    assert len(drawn_grids(picture)) == 2 * len(task.train) + 2

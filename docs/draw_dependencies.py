"""Draws which rooms of the package import which, read off its source: python docs/draw_dependencies.py.

An arrow leads from a room to one that it imports. Arrows that follow from others are left out, as are the
modules beside the rooms, which may import any, and `errors`, which any may import.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "dependencies.svg"
WIDTH, HEIGHT = 132, 46
GAP_X, GAP_Y = 36, 56


def read_rooms() -> tuple[dict[str, set[str]], dict[str, int]]:
    """Returns for each room those that it imports, and the number of its modules."""
    package = ROOT / "codeit_jax"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    imports: dict[str, set[str]] = {room: set() for room in rooms}
    for room in rooms:
        for path in (package / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("codeit_jax."):
                    imports[room].add(node.module.split(".")[1])
    counts = {room: len(list((package / room).rglob("*.py"))) for room in rooms}
    return {room: (others & rooms) - {room} for room, others in imports.items()}, counts


def reach(imports: dict[str, set[str]], room: str) -> set[str]:
    """Returns all rooms that a room depends on, by whatever way."""
    return imports[room].union(*(reach(imports, other) for other in imports[room]))


def reduced(imports: dict[str, set[str]]) -> dict[str, list[str]]:
    """Returns the imports without those that follow from others."""
    return {
        room: sorted(each for each in others if not any(each in reach(imports, o) for o in others))
        for room, others in imports.items()
    }


def layers(imports: dict[str, set[str]]) -> list[list[str]]:
    """Returns the rooms from the top layer down: each above all that it depends on."""
    depth: dict[str, int] = {}

    def measure(room: str) -> int:
        if room not in depth:
            depth[room] = 1 + max(map(measure, imports[room]), default=-1)
        return depth[room]

    for room in imports:
        measure(room)
    return [
        sorted(room for room in depth if depth[room] == level) for level in range(max(depth.values()), -1, -1)
    ]


def picture() -> str:
    """Returns the picture, as SVG."""
    imports, counts = read_rooms()
    rows = layers(imports)
    widest = max(map(len, rows))
    width = widest * WIDTH + (widest + 1) * GAP_X
    places = {}
    for y, row in enumerate(rows):
        # Every other layer is moved aside, so that arrows across it pass beside its boxes.
        left = (width - len(row) * WIDTH - (len(row) - 1) * GAP_X) / 2 + (GAP_X if y % 2 else -GAP_X) / 2
        for x, room in enumerate(row):
            places[room] = (left + x * (WIDTH + GAP_X), GAP_Y / 2 + y * (HEIGHT + GAP_Y))
    height = len(rows) * (HEIGHT + GAP_Y)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        '<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
        ' orient="auto"><path d="M0 0L8 4L0 8z" fill="#5b6b7f"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fbfbf8"/>',
    ]
    for room, others in sorted(reduced(imports).items()):
        for place, other in enumerate(others):
            x1, y1 = places[room]
            x2, y2 = places[other]
            x1 += WIDTH * (place + 1) / (len(others) + 1)
            y1, x2 = y1 + HEIGHT, x2 + WIDTH / 2
            bend = (y2 - y1) / 2
            lines.append(
                f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f}'
                f' {x2:.0f} {y2:.0f}" fill="none" stroke="#5b6b7f" marker-end="url(#end)"/>'
            )
    for room, (x, y) in sorted(places.items()):
        middle = x + WIDTH / 2
        lines += [
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="7" fill="#e3edf7"'
            ' stroke="#34506e"/>',
            f'<text x="{middle:.0f}" y="{y + 20:.0f}" text-anchor="middle" font-size="15"'
            f' fill="#16283a">{room}</text>',
            f'<text x="{middle:.0f}" y="{y + 37:.0f}" text-anchor="middle" font-size="11"'
            f' fill="#4a5d70">{counts[room]} modules</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")

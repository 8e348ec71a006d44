"""Draws which rooms of the package import which, read off its source: python docs/draw_dependencies.py.

An arrow leads from a room to one that it imports. Arrows that follow from others are left out, as are the
modules beside the rooms, which may import any, and `errors`, which any may import.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "dependencies.svg"
WIDTH, HEIGHT, GAP = 130, 34, 20
BEND = 40


def read_rooms() -> dict[str, set[str]]:
    """Returns for each room those that it imports."""
    package = ROOT / "codeit_jax"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    imports: dict[str, set[str]] = {room: set() for room in rooms}
    for room in rooms:
        for path in (package / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("codeit_jax."):
                    imports[room].add(node.module.split(".")[1])
    return {room: (others & rooms) - {room} for room, others in imports.items()}


def reach(imports: dict[str, set[str]], room: str) -> set[str]:
    """Returns all rooms that a room depends on, by whatever way."""
    return imports[room].union(*(reach(imports, other) for other in imports[room]))


def reduced(imports: dict[str, set[str]]) -> dict[str, list[str]]:
    """Returns the imports without those that follow from others."""
    return {
        room: sorted(each for each in others if not any(each in reach(imports, o) for o in others))
        for room, others in imports.items()
    }


def ordered(imports: dict[str, set[str]]) -> list[str]:
    """Returns the rooms from the top down, each above all that it depends on."""
    return sorted(imports, key=lambda room: (-len(reach(imports, room)), room))


def picture() -> str:
    """Returns the picture, as SVG."""
    imports = read_rooms()
    rows = {room: row for row, room in enumerate(ordered(imports))}
    arrows = [(rows[room], rows[other]) for room, others in reduced(imports).items() for other in others]
    height = len(rows) * (HEIGHT + GAP) + GAP
    width = 2 * GAP + WIDTH + BEND * max(below - above for above, below in arrows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        '<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
        ' orient="auto"><path d="M0 0L8 4L0 8z" fill="#5b6b7f"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fbfbf8"/>',
    ]
    for above, below in sorted(arrows):
        x, top = GAP + WIDTH, GAP + HEIGHT
        y1 = GAP + above * top + (HEIGHT if below == above + 1 else 0.7 * HEIGHT)
        y2 = GAP + below * top + (0 if below == above + 1 else 0.3 * HEIGHT)
        if below == above + 1:
            line = f"M{GAP + WIDTH / 2:.0f} {y1:.0f}V{y2:.0f}"
        else:  # the farther apart, the wider it bends, so that arrows are told apart and pass no box
            bend = x + BEND * (below - above)
            line = f"M{x} {y1:.0f}C{bend} {y1:.0f} {bend} {y2:.0f} {x} {y2:.0f}"
        lines.append(f'<path d="{line}" fill="none" stroke="#5b6b7f" marker-end="url(#end)"/>')
    for room, row in rows.items():
        y = GAP + row * (HEIGHT + GAP)
        lines += [
            f'<rect x="{GAP}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#e3edf7"'
            ' stroke="#34506e"/>',
            f'<text x="{GAP + WIDTH / 2:.0f}" y="{y + 22}" text-anchor="middle" font-size="14"'
            f' fill="#16283a">{room}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")

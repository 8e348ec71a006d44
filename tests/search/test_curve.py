import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from codeit_jax.search.curve import CurveError, CurvePoint, curve_csv, curve_svg, read_curve

POINTS = [CurvePoint(9600, 28, 25, 0.07, 12.34), CurvePoint(19200, 32, 28, 0.08, 25.0)]


def test_a_curve_as_a_table():
    assert curve_csv(POINTS) == (
        "num_programs,solved,solved_strict,share,seconds\n9600,28,25,0.07,12.3\n19200,32,28,0.08,25.0\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        curve_csv(POINTS),
        "9600,0.07\n19200,0.08\n",
        "programs,share of tasks\r\n9600,0.07\r\n\r\n19200,0.08\r\n",
        "share,x,num_programs\n0.07,,9600\n0.08,,19200",
        " 9600 , 0.07 , a comment\n19200,8e-2\n",
    ],
)
def test_curves_are_read_with_and_without_a_header(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, newline="")
    assert read_curve(tmp_path / "a.csv") == [(9600, 0.07), (19200, 0.08)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no points"),
        (b"a,b\n", "holds no points"),
        (b"a,b\nc,d\n", "line 2: expected a number of programs and a share"),
        (b"1,0.5\n2\n", "line 2: expected"),
        (b"1,0.5\n2,7\n", "line 2: expected"),
        (b"1,0.5\n-2,0.5\n", "line 2: expected"),
        (b"1,0.5\ninf,0.5\n", "line 2: expected"),
        (b"1,0.5\n2,nan\n", "line 2: expected"),
        (b"\xff\xfe,", "is no CSV file"),
    ],
)
def test_a_file_without_a_curve_is_refused(tmp_path, content, message):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(CurveError, match=message) as caught:
        read_curve(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_curve_is_refused(tmp_path):
    with pytest.raises(CurveError, match=r"a\.csv: No such file"):
        read_curve(tmp_path / "a.csv")


def test_the_picture_is_one_and_always_the_same():
    curves = {"ours": [(0, 0.0), (9600, 0.07)], "theirs": [(9600, 0.08)], "none yet": []}
    picture = curve_svg(curves)
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert picture == curve_svg(curves)
    assert picture != curve_svg(curves | {"theirs": [(9600, 0.09)]})
    assert picture != curve_svg(curves, 4800)


def test_matplotlib_is_loaded_for_pictures_only():
    script = "import codeit_jax.search.command, sys; assert not {'matplotlib', 'jax'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)

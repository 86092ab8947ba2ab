import io
from dataclasses import replace

from PIL import Image

from simulator.pictures import Subject, draw

FINE = Subject(prompt="hills", variant="x", number=1, count=1, aspect_ratio="1:1", resolution="1k")


def test_coarse_grain_makes_files_as_large_as_those_of_photos() -> None:
    coarse = draw(replace(FINE, coarse=True))
    assert len(coarse) > 2 * len(draw(FINE))
    assert 1.5 < len(coarse) / 1024**2 < 3  # bytes for each pixel of 3 colours


def test_coarse_grain_changes_no_pixel_by_much() -> None:
    with (
        Image.open(io.BytesIO(draw(FINE))) as fine,
        Image.open(io.BytesIO(draw(replace(FINE, coarse=True)))) as coarse,
    ):
        one, other = fine.tobytes(), coarse.tobytes()
    assert max(abs(a - b) for a, b in zip(one[::101], other[::101], strict=True)) <= 10


def test_one_subject_is_always_one_file_with_coarse_grain_too() -> None:
    assert draw(replace(FINE, coarse=True)) == draw(replace(FINE, coarse=True))

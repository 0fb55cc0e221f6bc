import pytest

from schemas.folder import whole_folder


def test_a_finished_folder_takes_the_place_of_the_old_one(tmp_path):
    for text in ("one", "two"):
        with whole_folder(tmp_path / "a" / "out") as draft:
            (draft / text).write_text(text)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "a" / "out").iterdir()] == ["two"]


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path):
    with whole_folder(tmp_path / "out") as draft:
        (draft / "one").write_text("one")
    with pytest.raises(RuntimeError, match="stop"), whole_folder(tmp_path / "out") as draft:
        (draft / "two").write_text("two")
        raise RuntimeError("stop")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one"]

from __future__ import annotations

from pathlib import Path

import pytest

from connwatch.config import ConfigRefused, load

FILES = sorted((Path(__file__).parent / "bad").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_file_is_refused_with_exactly_these_problems(file: Path) -> None:
    """Each file breaks one rule. The comments at its top are the messages, all of them, to the letter."""
    lines = file.read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    with pytest.raises(ConfigRefused) as refused:
        load(str(file), environ={})
    assert [str(problem) for problem in refused.value.problems] == expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_message_shows_what_may_be_secret(file: Path) -> None:
    """The bad files hold passwords and keys that contain the word `secret` where a value is; no message repeats one."""
    with pytest.raises(ConfigRefused) as refused:
        load(str(file), environ={})
    told = str(refused.value)
    for word in ("secret@", "me:secret", "connwatch:secret", "k!secret", "*secret", "&secret", "'secret'"):
        assert word not in told

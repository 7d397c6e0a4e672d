"""Bytes that are handed in twice are one file, which whoever reads it meanwhile goes on reading."""

import os
from pathlib import Path
from unittest import mock

import pytest

from revshare.audit_trail.operations import Act
from revshare.files import uploads
from revshare.files.preflight import inspect
from tests.stories import Story

BYTES = b"contributor_id,contributor_name\nann,Ann\n"


def receive(act: Act) -> Path:
    return uploads.path_of(uploads.receive(kind="contributors", name="people.csv", chunks=[BYTES], act=act))


def test_the_same_bytes_again_do_not_disturb_who_reads_them(story: Story, tmp_path: Path) -> None:
    path = receive(story.act())
    source = inspect(path, tmp_path)
    before = path.stat()
    assert receive(story.act()) == path
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    source.assert_unchanged()
    assert [each.name for each in path.parent.iterdir() if each.name.startswith("incoming-")] == []


def test_bytes_that_are_not_whole_are_put_right(story: Story) -> None:
    path = receive(story.act())
    path.write_bytes(BYTES[:-1])
    assert receive(story.act()).read_bytes() == BYTES


@pytest.mark.parametrize("known", [False, True])
def test_a_file_system_may_have_no_links(story: Story, known: bool) -> None:
    if known:
        receive(story.act())
    with mock.patch.object(os, "link", side_effect=PermissionError("no links here")):
        path = receive(story.act())
    assert path.read_bytes() == BYTES
    assert [each.name for each in path.parent.iterdir() if each.name.startswith("incoming-")] == []

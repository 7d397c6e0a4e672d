"""Bytes handed in through a page or the API: kept in the exchange folder under their hash until a worker takes them."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.errors import NotFound, Refused
from revshare.files.formats import KINDS
from revshare.files.mapped import of_kind
from revshare.files.models import IngestedFile, Upload
from revshare.lake import sha256_of

MAX_NAME_LENGTH = 200


def receive(*, kind: str, name: str, chunks: Iterable[bytes], act: Act, mapping: str = "") -> Upload:
    """Stores an upload, to be read by a `mapping` if one is named. Raises Refused for an unknown kind or no bytes."""
    if kind not in KINDS:
        raise Refused(f"There is no kind of file called {kind!r}; there are {', '.join(KINDS)}.")
    chosen = of_kind(mapping, kind)
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    descriptor, draft = tempfile.mkstemp(dir=folder, prefix="incoming-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if not size:
            raise Refused("The file is empty.", code="file_empty")
        _put(Path(draft), folder / digest.hexdigest())
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    with transaction.atomic():
        upload = Upload.objects.create(
            kind=kind, name=_plain_name(name), sha256=digest.hexdigest(), size_bytes=size, uploaded_at=act.at,
            uploaded_by=act.actor, mapping=chosen,
        )  # fmt: skip
        record(
            act=act, action="file.uploaded", object=f"upload:{upload.pk}",
            detail={"kind": kind, "sha256": upload.sha256, "size_bytes": size}
            | ({"mapping": mapping} if mapping else {}),
        )  # fmt: skip
    return upload


def _put(draft: Path, target: Path) -> None:
    """Gives a finished draft the name that is its hash. The same bytes that came before stay: an intake may just read
    them, and would see another file than it began with."""
    try:
        os.link(draft, target)
    except FileExistsError:
        if sha256_of(target) != target.name:  # not whole
            draft.replace(target)
            return
    except OSError:  # a file system without links
        draft.replace(target)
        return
    draft.unlink()


def get(upload_id: int) -> Upload:
    upload = Upload.objects.select_related("mapping").filter(pk=upload_id).first()
    if upload is None:
        raise NotFound(f"There is no upload {upload_id}.")
    return upload


def path_of(upload: Upload) -> Path:
    return _folder() / upload.sha256


def settle(*, upload: Upload, file: IngestedFile) -> None:
    """Notes which file the upload became. Its bytes stay: they are what its hash vouches for."""
    Upload.objects.filter(pk=upload.pk).update(file=file)


def _folder() -> Path:
    return Path(settings.REVSHARE_HOME) / "exchange"


def _plain_name(name: str) -> str:
    """The last part of a name, without control characters; it is shown, and never used as a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in last if sign.isprintable())[-MAX_NAME_LENGTH:] or "unnamed"

"""Where in a project an error comes from, and what it says, from the text of its traceback.

The text is all that there is where Kedro turns an error into a warning.
"""

from __future__ import annotations

import os
import re
import traceback
from contextlib import suppress
from pathlib import Path

_FRAME = re.compile(r'^ *File "(.+)", line (\d+)', re.MULTILINE)
_HANDLING = "\nDuring handling of the above exception, another exception occurred:\n"
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n"


def where_it_failed(error: BaseException, root: Path) -> tuple[str, str]:
    """Return file and line of a project in which an error was raised, or an empty text, and what the error says."""
    place, reason = where_in_project("".join(traceback.format_exception(error)), root)
    if not place and isinstance(error, SyntaxError) and not error.filename:
        place = _null_byte(root)
    return place, reason


def _null_byte(root: Path) -> str:
    """Return file and line of the first null byte in a project's code, for which Python names no file; or nothing."""
    for folder, inside, files in os.walk(root):
        inside[:] = sorted(each for each in inside if not each.startswith(".") and _is_inside(Path(folder, each), root))
        for file in (Path(folder, name) for name in sorted(files) if name.endswith(".py")):
            with suppress(OSError):  # it may not be readable
                before, found, _ = file.read_bytes().partition(b"\0")
                if found:
                    line = before.count(b"\n") + 1
                    return f"{file.relative_to(root)}:{line}"
    return ""


def where_in_project(trace: str, root: Path) -> tuple[str, str]:
    r"""Return where in a project a traceback comes from, innermost first, and the error there.

    Of exceptions that are the causes of each other, the first one that passed through the project tells most.

    Examples:
        >>> text = 'Traceback ...\n  File "/shop/src/a.py", line 3, in <module>\n    import b\nImportError: no b\n'
        >>> where_in_project(text, Path("/shop"))
        ('src/a.py:3', 'ImportError: no b')
    """
    sections = trace.rpartition(_HANDLING)[2].split(_CAUSE)
    for section in sections:
        frames = _FRAME.findall(section)
        inside = [(Path(file), line) for file, line in frames if _is_inside(Path(file), root)]
        if inside:
            file, line = inside[-1]
            return f"{file.relative_to(root)}:{line}", _reason(section)
    return "", _reason(sections[0])


def _is_inside(file: Path, root: Path) -> bool:
    """Whether a file is the project's own: an environment with libraries may be in its folder."""
    return file.is_relative_to(root) and "site-packages" not in file.parts


def _reason(section: str) -> str:
    """Return the line of a traceback that has the error, and its message."""
    last = max((match.end() for match in _FRAME.finditer(section)), default=0)
    lines = section[last:].splitlines()[1 if last else 0 :]
    return next((line for line in lines if line and not line.startswith(" ")), "").strip() or section.strip()

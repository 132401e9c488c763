import logging
import sys
from contextlib import contextmanager

from kedro_assets.runtime.masked_output import MaskedOutput


def mask(text):
    return text.replace("hunter2", "***")


@contextmanager
def masked_output():
    output = MaskedOutput()
    output.attach(mask)
    yield
    output.detach(mask)


def test_what_is_printed_is_masked_also_piece_by_piece(capsys):
    with masked_output():
        for text in ("with", " ", "hunter2", "\n"):
            sys.stdout.write(text)
        sys.stderr.write("hun")
        sys.stderr.writelines(["ter2", " is it"])
    assert capsys.readouterr() == ("with ***\n", "*** is it")


def test_what_is_logged_is_masked_with_its_traceback(caplog):
    with masked_output():
        logger = logging.getLogger("masked")
        try:
            int("hunter2")
        except ValueError:
            logger.exception("caught %s", "hunter2")
        logger.error("plain %s", 1)
    first, plain = caplog.records
    assert "literal for int() with base 10: '***'" in first.getMessage()
    assert (first.exc_info, plain.args) == (None, (1,))


def test_the_output_is_left_as_it_was_when_the_last_who_asked_is_done(capsys):
    found, before, factory = MaskedOutput(), sys.stdout, logging.getLogRecordFactory()
    other = str.upper
    found.attach(mask)
    found.attach(other)
    found.detach(mask)
    assert (sys.stdout is before, sys.stdout.encoding) == (False, before.encoding)
    found.detach(other)
    sys.stdout.write("hunter2")
    assert capsys.readouterr().out == "hunter2"
    assert (sys.stdout, logging.getLogRecordFactory()) == (before, factory)

"""What is secret in a project's configuration, and how it is kept out of what Dagster records.

Kedro's terminal is gone when it is closed; Dagster's event log stays, and more people see it.
"""

from kedro_assets.redaction.keys import MASK, masked, says_secret, unmasked
from kedro_assets.redaction.patterns import redacted
from kedro_assets.redaction.redactor import Redactor

__all__ = ["MASK", "Redactor", "masked", "redacted", "says_secret", "unmasked"]

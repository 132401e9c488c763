"""What must hold of datasets; the catalog names these functions as validators."""

import pandas as pd
from kedro.validation import CheckFailure, DataValidationError


def plausible_months(monthly_summary: pd.DataFrame) -> pd.DataFrame:
    """Refuse a summary in which a month has more late or cancelled flights than flights.

    Raises:
        DataValidationError: With every month that is not plausible.
    """
    failures = []
    for column in ("late_share", "cancelled_share"):
        odd = monthly_summary.loc[~monthly_summary[column].between(0, 1), column]
        if len(odd):
            message = f"{column} is to be between 0 and 1."
            failures.append(CheckFailure(message, "between(0, 1)", column, len(odd), odd.head().tolist()))
    if failures:
        raise DataValidationError("The summary has shares that are none.", failures=failures)
    return monthly_summary

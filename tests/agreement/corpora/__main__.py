"""The product and published corpora: ``python -m tests.agreement.corpora [--only NAME] [--write]``."""

from __future__ import annotations

import argparse
import sys

from tests.agreement.corpora.comparison import CORPORA, Compared, explanations, faults, table
from tests.agreement.environment import Missing
from tests.agreement.page import PAGE, write

BEGIN, END = "<!-- corpora: written by make agreement -->\n", "<!-- end of corpora -->\n"


def main() -> int:
    """Print the table; 1 when something is not explained, or a corpus is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.agreement.corpora", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(CORPORA), help="corpora; may be repeated")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    wanted = parser.parse_args()
    explained = explanations()
    results: dict[str, list[Compared]] = {}
    wrong: list[str] = []
    for corpus in wanted.only or CORPORA:
        try:
            results[corpus] = list(CORPORA[corpus]())
        except Missing as missing:
            wrong.append(f"{corpus}: {missing}")
        else:
            wrong += faults(corpus, results[corpus], explained)
    text = table(results, explained)
    sys.stdout.writelines(f"{line}\n" for line in (text, *wrong, f"{len(results)} corpora, {len(wrong)} faults"))
    if wanted.write and len(results) == len(CORPORA):
        write(text, BEGIN, END)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

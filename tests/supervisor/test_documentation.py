"""The promise: docs/supervision.md names a test for every row of the specification."""

import ast
import re
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "supervision.md").read_text()
ROWS = {"I": 7, "S": 6, "R": 7, "B": 6, "T": 7, "M": 9, "A": 12}
"""Rows of the specification by their letter."""
ELSEWHERE = {"A10", "A11"}
"""Rows that are not about supervision; the page says where they are."""
OTP_CASES = 93


def our_tests():
    """Return the docstring of every test beside this one, by `file.name` without their `test_`."""
    return {
        f"{path.stem.removeprefix('test_')}.{node.name.removeprefix('test_')}": (
            ast.get_docstring(node) or ""
        )
        for path in HERE.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def table_rows(page):
    """Yield the first cell of every table row and the tests named in the others."""
    for line in page.splitlines():
        if line.startswith("| "):
            cells = line.split("|")[1:-1]
            tests = re.findall(r"`([a-z_0-9]+\.[a-z_0-9]+)`", " ".join(cells[1:]))
            yield cells[0].strip(), tests


def test_every_test_that_is_named_exists():
    named = {test for _, tests in table_rows(PAGE) for test in tests}
    assert named <= set(our_tests()), sorted(named - set(our_tests()))


def test_every_row_of_the_specification_names_a_test():
    tests = dict(table_rows(PAGE))
    for letter, count in ROWS.items():
        for number in range(1, count + 1):
            row = f"{letter}{number}"
            assert row in tests, f"{row} is missing"
            assert tests[row] or row in ELSEWHERE, f"{row} names no test"


def test_every_case_of_otp_is_ported_where_the_page_says_or_has_a_reason_not_to_be():
    _, _, section = PAGE.partition("## OTP's own cases")
    said = {case: tests for case, tests in table_rows(section) if case != "case"}
    ported = defaultdict(list)
    for test, docstring in sorted(our_tests().items()):
        if docstring.startswith("OTP: "):
            for word in re.findall(r"\w+", docstring):
                if word in said:
                    ported[word].append(test)
    assert len(said) == OTP_CASES
    for case, tests in said.items():
        assert sorted(tests) == ported[case], case
        assert tests or f"| {case} | — " in section, f"{case}: neither a test nor a reason"

"""All reports of a run, made from its folder alone: again, offline, at any time."""

import pathlib

from harness import history
from harness.results import Results, Use
from reports import html, junit, markdown


def write_all(folder: pathlib.Path, use: Use | None = None) -> list[pathlib.Path]:
    """Write report.html, junit.xml and summary.md beside a run's results.json and return their paths.

    `use` says how the app is used, instead of what the run was told. Rows that history.jsonl.gz lacks, all of them if
    there is no such file, are reported without a figure. Raises pydantic.ValidationError on a results.json of another
    schema, HistoryError on a history that cannot be read.
    """
    results = Results.read(folder / "results.json")
    if use is not None:
        results = results.model_copy(update={"run": results.run.model_copy(update={"use": use})})
    path = folder / "history.jsonl.gz"
    histories = history.read(path) if path.exists() else {}
    texts = {
        "report.html": html.render(results, histories),
        "junit.xml": junit.render(results),
        "summary.md": markdown.render(results),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]

"""Reports: a run's verdicts and history as a page, as JUnit XML and as Markdown."""

from reports.write import write_all

__all__ = ["write_all"]
